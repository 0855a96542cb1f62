"""Golden vectors: histories that each version of the rules must apply to the same bytes, everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tallystick.base.codec import encode
from tallystick.base.ids import digest
from tallystick.engines.storage.tree import StateTree
from tallystick.ledger.genesis import first_writes, read_genesis
from tallystick.ledger.handlers import HANDLERS
from tallystick.ledger.invariants import broken
from tallystick.ledger.rejections import all_refusals
from tallystick.ledger.transition import Block, apply_block
from tests.architecture.source import ROOT
from tests.ledger.world import Memory
from tests.vectors.ledger import make

FILES = sorted((ROOT / "tests" / "vectors" / "ledger").glob("v*/*.json"))


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def replayed(vector: dict[str, Any]) -> list[str]:
    """The state's root at every height, as this process finds it; each block is compared on the way."""
    state = first_writes(read_genesis(vector["genesis"]))
    reader, tree = Memory(state), StateTree.build(state.items())
    roots = [tree.root.hex()]
    for wanted in vector["blocks"]:
        block = Block(vector["chain"], wanted["height"], wanted["time"])
        outcome = apply_block(reader, [bytes.fromhex(data) for data in wanted["transactions"]], block)
        root = tree.update(outcome.writes).hex()
        found = {
            "receipts": [
                {"kind": one.kind, "refusal": one.refusal, "digest": one.digest().hex()}
                for one in outcome.receipts
            ],
            "notices": digest(b"notices", encode(outcome.notices)).hex(),
            "weight": outcome.weight,
            "writes": make.digest_of(outcome.writes),
            "root": root,
        }
        assert found == {name: wanted[name] for name in found}, f"height {wanted['height']}"
        reader.write(outcome.writes)
        roots.append(root)
    assert broken(reader) == []
    return roots


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_history_always_makes_the_same_state(path):
    vector = load(path)
    assert replayed(vector)[0] == vector["root"]


def test_every_version_has_its_vectors():
    assert {path.parent.name for path in FILES} == {f"v{version}" for version in range(1, make.VERSION + 1)}


def test_the_vectors_hold_every_transaction_and_most_refusals():
    for version in range(1, make.VERSION + 1):
        receipts = [
            receipt
            for path in FILES
            if path.parent.name == f"v{version}"
            for block in load(path)["blocks"]
            for receipt in block["receipts"]
        ]
        accepted = {receipt["kind"] for receipt in receipts if not receipt["refusal"]}
        assert accepted == {body.__name__.lower() for body in HANDLERS}
        refused = {receipt["refusal"] for receipt in receipts} - {""}
        assert refused <= {kind.name for kind in all_refusals().values()} and len(refused) >= 20


def test_what_is_written_is_not_written_again():
    before = {path: path.read_bytes() for path in FILES}
    assert make.make() == []
    assert {path: path.read_bytes() for path in FILES} == before


def test_a_changed_byte_is_noticed():
    vector = load(FILES[0])
    block = next(block for block in vector["blocks"] if block["transactions"])
    first = bytearray.fromhex(block["transactions"][0])
    first[-1] ^= 1
    block["transactions"][0] = bytes(first).hex()
    with pytest.raises(AssertionError):
        replayed(vector)


REPLAY = """
from tests.ledger.test_vectors import FILES, load, replayed
for path in FILES:
    print(*replayed(load(path)))
"""


def test_other_processes_with_other_hash_seeds_find_the_same_roots():
    """The roots at every height, so that no order of a set or dictionary can hide."""
    expected = [
        [vector["root"], *(block["root"] for block in vector["blocks"])] for vector in map(load, FILES)
    ]
    for seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        done = subprocess.run(
            [sys.executable, "-c", REPLAY],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert [line.split() for line in done.stdout.splitlines()] == expected
