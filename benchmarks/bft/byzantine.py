"""A validator that lies: `python -m benchmarks.bft.byzantine KIND HOME` runs it in an honest one's place."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tallystick.base import wire
from tallystick.engines.cometbft import abci, validator
from tallystick.engines.cometbft.application import AbciApplication
from tallystick.ledger.genesis import read_genesis

honest = {
    name: getattr(AbciApplication, name)
    for name in ("_finalize_block", "_prepare_proposal", "_process_proposal")
}


def wrong_hash(application: AbciApplication, fields: wire.Fields) -> bytes:
    """Another state than the rules make."""
    answer = wire.fields(honest["_finalize_block"](application, fields))
    return wire.message({2: list(wire.all_of(answer, 2)), 3: list(wire.all_of(answer, 3)), 5: os.urandom(32)})


def garbage(_application: AbciApplication, _found: wire.Fields) -> bytes:
    """Proposals full of what is no transaction."""
    return wire.message({1: [os.urandom(200) for _ in range(20)]})


def nothing(_application: AbciApplication, _found: wire.Fields) -> bytes:
    """No vote for any proposal."""
    return wire.message({1: abci.REJECT})


LIES = {
    "wrong-hash": ("_finalize_block", wrong_hash),
    "garbage": ("_prepare_proposal", garbage),
    "withheld": ("_process_proposal", nothing),
}


def main(kind: str, home: Path) -> int:
    if kind in LIES:
        name, lie = LIES[kind]
        setattr(AbciApplication, name, lie)
    genesis = read_genesis((home / "genesis.toml").read_text())
    return validator.start(home, genesis)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
