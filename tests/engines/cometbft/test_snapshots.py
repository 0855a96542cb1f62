"""States in pieces: alike from every validator, taken only when whole and with the right root."""

import pytest

from tallystick.base import wire
from tests.engines.cometbft.driver import Driver, pay

ACCEPT, ABORT, RETRY, REJECT_SNAPSHOT = 1, 2, 3, 5


@pytest.fixture
def giver(tmp_path, monkeypatch):
    monkeypatch.setattr("tallystick.engines.cometbft.snapshots.PIECE", 500)
    made = Driver(tmp_path / "giver", every=3)
    made.begin()
    for n in range(7):
        made.block(pay(n))
    yield made
    made.close()


@pytest.fixture
def taker(tmp_path):
    made = Driver(tmp_path / "taker")
    yield made
    made.close()


def newest(giver):
    """The newest snapshot as it is listed, its pieces, and the root of its state."""
    offered = giver.ask("list_snapshots")[1][-1]
    found = wire.fields(offered)
    height = wire.value_of(found, 1, 0)
    pieces = [
        wire.value_of(giver.ask("load_snapshot_chunk", {1: height, 2: 1, 3: place}), 1, b"")
        for place in range(wire.value_of(found, 3, 0))
    ]
    return offered, pieces, giver.replica.blocks.entry(height).app_hash


def take(taker, offered, pieces, root):
    assert wire.value_of(taker.ask("offer_snapshot", {1: offered, 2: root}), 1, 0) == ACCEPT
    return [
        wire.value_of(taker.ask("apply_snapshot_chunk", {1: n, 2: piece}), 1, 0)
        for n, piece in enumerate(pieces)
    ]


def test_the_two_newest_are_kept(giver):
    heights = [wire.value_of(wire.fields(one), 1, 0) for one in giver.ask("list_snapshots")[1]]
    assert heights == [3, 6]


def test_every_validator_makes_the_same(giver, tmp_path):
    other = Driver(tmp_path / "other", every=3)
    other.begin()
    for n in range(7):
        other.block(pay(n))
    assert newest(other) == newest(giver)
    other.close()


def test_a_state_is_taken_and_goes_on_as_the_others_do(giver, taker):
    assert len(newest(giver)[1]) > 2
    assert set(take(taker, *newest(giver))) == {ACCEPT}
    assert taker.info() == (6, newest(giver)[2])
    late = giver.replica.blocks.entry(7).transactions
    time = wire_time(giver, 7)
    assert taker.block(*late, time=time).app_hash == giver.info()[1]
    taker.crash()
    again = Driver(taker.folder)
    assert again.info() == giver.info()
    assert again.query("/since", b"\x06")[0] != 0
    # What came before the snapshot is known elsewhere; that is another answer than that there is nothing.
    name = again.replica.machine.name
    assert [again.query("/find", name(pay(n)))[0] for n in (0, 6)] == [4, 0]
    assert giver.query("/find", name(pay(99))) == (0, b"\x90")
    again.close()
    taker.replica.store = again.replica.store


def wire_time(giver, height):
    from tallystick.base import light

    return light.HEADER.decode(giver.replica.blocks.entry(height).header).time // 10**6


def test_a_piece_that_was_changed_is_asked_for_again(giver, taker):
    offered, pieces, root = newest(giver)
    assert take(taker, offered, [pieces[0], pieces[1] + b"x"], root) == [ACCEPT, RETRY]


def test_a_state_with_another_root_is_rejected(giver, taker):
    offered, pieces, root = newest(giver)
    assert take(taker, offered, pieces, bytes(32))[-1] == REJECT_SNAPSHOT
    assert taker.info() == (0, b"")
    assert set(take(taker, offered, pieces, root)) == {ACCEPT}


@pytest.mark.parametrize("field, value", [(2, 2), (3, 1), (4, bytes(32)), (5, b"x"), (1, 0)])
def test_an_offer_that_contradicts_itself_is_rejected(giver, taker, field, value):
    offered, _, root = newest(giver)
    found = {number: values[-1] for number, values in wire.fields(offered).items()} | {field: value}
    assert wire.value_of(taker.ask("offer_snapshot", {1: wire.message(found), 2: root}), 1, 0) == 3


def test_a_piece_nobody_offered_ends_it(taker):
    assert wire.value_of(taker.ask("apply_snapshot_chunk", {1: 0, 2: b"x"}), 1, 0) == ABORT


def test_a_ledger_that_is_there_is_not_overwritten(giver, tmp_path):
    taker = Driver(tmp_path / "begun")
    taker.begin()
    assert take(taker, *newest(giver))[-1] == ABORT
    taker.close()


def test_a_piece_that_is_gone_is_empty(giver):
    assert giver.ask("load_snapshot_chunk", {1: 3, 2: 1, 3: 99}) == {}
