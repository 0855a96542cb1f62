"""Makes the environment of the peers and of the adapters' tests: `python -m benchmarks.peers.set_up`."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

from benchmarks.peers import PYTHON, READY, ROOT

OURS = ("learn", "test")  # the extras that run Tallystick and its tests
WANTED = Path(__file__).with_name("requirements.txt")


def packages() -> list[str]:
    """What pip is asked for: the peers, and what Tallystick needs beside them."""
    lines = WANTED.read_text(encoding="utf-8").splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [name for extra in OURS for name in project["optional-dependencies"][extra]]
    return [*(line for line in lines if not line.startswith("#")), *project["dependencies"], *extras]


def main() -> int:
    needed = packages()
    mark = hashlib.sha256("\n".join(needed).encode()).hexdigest()
    if READY.exists() and READY.read_text(encoding="utf-8") == mark:
        return 0
    print("installing PyTorch, Flower, Opacus and byzfl into build/peers (3 minutes, 6 GB) ...", flush=True)
    READY.unlink(missing_ok=True)
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PYTHON.parents[1])], check=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *needed], check=False)
    if done.returncode:
        print("the peers could not be installed; what pip says stands above", file=sys.stderr)
        return 2
    READY.write_text(mark, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
