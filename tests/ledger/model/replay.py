"""A history as a file, and what comes out of it when it is applied again: roots and receipts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

from tallystick.base.codec import encode
from tallystick.base.ids import digest
from tallystick.engines.storage.tree import StateTree
from tallystick.ledger.genesis import first_writes, read_genesis, write_genesis
from tallystick.ledger.transition import Block, apply_block
from tests.ledger.memory import Memory
from tests.ledger.model.history import play
from tests.ledger.model.scenes import prepare
from tests.ledger.world import SIGNATURES


def write_history(path: Path, seed: int, steps: int) -> dict[str, Any]:
    """Play a history with real signatures into a file; say how it went and with which root it ended."""
    history = play(prepare(Random(f"replay {seed}"), SIGNATURES), steps)
    genesis, blocks = history.world.genesis, history.world.history
    kept = [[block.time, [data.hex() for data in transactions]] for block, transactions, _ in blocks]
    path.write_text(json.dumps({"genesis": write_genesis(genesis), "blocks": kept}))
    root = StateTree.build(history.world.reader.records.items()).root.hex()
    return {"blocks": len(blocks), "kinds": len(history.met), "root": root}


def replayed(path: Path) -> list[str]:
    """At every height the state's root, and a digest of the receipts and notices."""
    kept = json.loads(path.read_text())
    genesis = read_genesis(kept["genesis"])
    state = Memory(first_writes(genesis))
    tree = StateTree.build(state.records.items())
    lines = [tree.root.hex()]
    for height, (time, transactions) in enumerate(kept["blocks"], 1):
        data = [bytes.fromhex(text) for text in transactions]
        outcome = apply_block(state, data, Block(genesis.chain, height, time))
        state.write(outcome.writes)
        announced = digest(*(receipt.digest() for receipt in outcome.receipts), encode(outcome.notices))
        lines.append(f"{tree.update(outcome.writes).hex()} {announced.hex()}")
    return lines


if __name__ == "__main__":
    print("\n".join(replayed(Path(sys.argv[1]))))
