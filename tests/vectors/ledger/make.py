"""Write the vectors of a version that has none yet: `python -m tests.vectors.ledger.make`.

What is written once is never written again: what a version of the rules made is what it must always make.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tallystick.base.codec import encode
from tallystick.base.ids import digest
from tallystick.engines.storage.tree import StateTree
from tallystick.ledger.genesis import first_writes, write_genesis
from tests.ledger.world import World

HERE = Path(__file__).parent
VERSION = 1


def digest_of(writes: dict[bytes, bytes | None]) -> str:
    """One digest over a block's writes, deletions included."""
    return digest(b"writes", encode([[key, value] for key, value in writes.items()])).hex()


def told(world: World) -> dict[str, Any]:
    """A world's history as JSON: its genesis, and every block with what it must make."""
    state = first_writes(world.genesis)
    tree, blocks = StateTree.build(state.items()), []
    first = tree.root.hex()
    for block, transactions, outcome in world.history:
        blocks.append(
            {
                "height": block.height,
                "time": block.time,
                "transactions": [data.hex() for data in transactions],
                "receipts": [
                    {"kind": one.kind, "refusal": one.refusal, "digest": one.digest().hex()}
                    for one in outcome.receipts
                ],
                "notices": digest(b"notices", encode(outcome.notices)).hex(),
                "weight": outcome.weight,
                "writes": digest_of(outcome.writes),
                "root": tree.update(outcome.writes).hex(),
            }
        )
    genesis = write_genesis(world.genesis)
    return {"chain": world.genesis.chain, "genesis": genesis, "root": first, "blocks": blocks}


def make() -> list[Path]:
    """Write the vectors that are not there; say which."""
    from tests.vectors.ledger.stories import STORIES

    folder, written = HERE / f"v{VERSION}", []
    folder.mkdir(exist_ok=True)
    for story in STORIES:
        path = folder / f"{story.__name__}.json"
        if not path.exists():
            path.write_text(json.dumps(told(story()), indent=1) + "\n")
            written.append(path)
    return written


if __name__ == "__main__":
    for made in make():
        print(f"wrote {made.name}")
