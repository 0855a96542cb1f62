"""What lies in a validator's home."""

import tomllib


def config(home):
    return tomllib.loads((home / "config" / "config.toml").read_text())
