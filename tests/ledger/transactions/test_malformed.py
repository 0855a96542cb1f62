"""A share of the malformed transactions; a million of them are `faults/malformed`."""

from __future__ import annotations

from random import Random

import pytest

from tallystick.ledger.transition import apply_block, check
from tests.ledger.model.malformed import UNSIGNED, ground, resigned, try_many


@pytest.mark.parametrize("seed", range(4))
def test_malformed_transactions_leave_no_trace(seed):
    met = try_many(seed, 5_000)
    assert sum(met.values()) >= 5_000
    assert met["Malformed"] > 2_500 and met["BadSignature"] > 50 and met["NotYourKey"] > 20


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc0",
        b"\x92",
        b"\x91" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        b"\x92\xc6\xff\xff\xff\xff",
        b"\x92\xc6\x7f\xff\xff\xff\x00",
        b"\x92\xc4\x01\x91\xc4\x40" + bytes(64),
        bytes(2_000_000),
    ],
    ids=lambda data: f"{data[:6].hex()}-{len(data)}",
)
def test_what_only_looks_large_is_refused_at_once(data):
    here = ground(0)
    outcome = apply_block(here.reader, [data, here.sound[0][:-1], data], here.block)
    assert [receipt.refusal for receipt in outcome.receipts] == ["Malformed"] * 3
    assert outcome.writes == {} and outcome.notices == () and outcome.weight == 0
    assert check(here.reader, data, here.block).refusal == "Malformed"


def test_the_mutations_differ_and_can_be_repeated():
    here = ground(0)
    made = [[way(Random(5), data) for way in UNSIGNED] for data in here.sound[:20]]
    assert made == [[way(Random(5), data) for way in UNSIGNED] for data in here.sound[:20]]
    changed = [one != data for row, data in zip(made, here.sound, strict=False) for one in row]
    assert sum(changed) > 0.9 * len(changed)
    assert len({resigned(Random(n), here.sound[0]) for n in range(50)}) > 30
