"""Records under keys that sort as numbers do, and a draft that decides, forgets and writes changes."""

from __future__ import annotations

import pytest

from tallystick.ledger import state as st
from tallystick.ledger.notices import Alarm
from tallystick.ledger.records import Account, Due, Pair
from tests.ledger.drafts import draft_of
from tests.ledger.neighbours import pair
from tests.ledger.world import World


def test_keys_sort_as_their_numbers_do():
    keys = [st.DUE.key(number, "phase", "x") for number in (2, 10, 9, 1_700_000_000_000)]
    assert sorted(keys) == [keys[0], keys[2], keys[1], keys[3]]
    assert st.CHAIN.key() == "chain" and st.PLACES.key("r", "m") == "place/r/m"


def test_a_record_is_stored_with_its_version():
    data = st.PAIRS.encode(Pair(3))
    assert data[0] == st.RECORD_VERSION and st.PAIRS.decode(data) == Pair(3)


def test_a_draft_reads_what_it_wrote_last():
    draft = draft_of(World())
    before = draft.get(st.ACCOUNTS, "ada")
    draft.put(st.ACCOUNTS, Account(1), "ada")
    draft.keep()
    draft.put(st.ACCOUNTS, Account(2), "ada")
    assert draft.get(st.ACCOUNTS, "ada") == Account(2)
    draft.drop(0)
    assert draft.get(st.ACCOUNTS, "ada") == Account(1) != before


def test_a_record_that_is_not_there_is_none_or_an_error():
    draft = draft_of(World())
    assert draft.find(st.ACCOUNTS, "zoe") is None
    for missing in (
        lambda: draft.get(st.ACCOUNTS, "zoe"),
        lambda: draft.change(st.ACCOUNTS, "zoe", balance=1),
        lambda: draft.add(st.ACCOUNTS, "zoe", balance=1),
    ):
        with pytest.raises(LookupError, match="account/zoe"):
            missing()
    assert draft.pending == {}


def test_a_change_alters_the_named_fields_alone():
    draft = draft_of(World())
    before = draft.get(st.ACCOUNTS, "ada")
    changed = draft.change(st.ACCOUNTS, "ada", credit=7)
    assert changed == draft.get(st.ACCOUNTS, "ada") == Account(before.balance, 7, seen=before.seen)
    added = draft.add(st.ACCOUNTS, "ada", balance=-3, credit=2)
    assert (added.balance, added.credit) == (before.balance - 3, 9)
    with pytest.raises(TypeError):
        draft.change(st.ACCOUNTS, "ada", colour=1)
    assert draft.get(st.ACCOUNTS, "ada") == added


def test_a_scan_sees_what_is_stored_changed_and_deleted_in_the_order_of_keys():
    world = World()
    draft = draft_of(world)
    for number in (5, 3):
        draft.put(st.DUE, Due("phase", "x"), number, "phase", "x")
    draft.keep()
    draft.put(st.DUE, Due("phase", "y"), 4, "phase", "y")
    draft.delete(st.DUE, 3, "phase", "x")
    assert [key.split("/")[1].lstrip("0") for key, _ in draft.scan(st.DUE)] == ["4", "5"]
    assert [due.of for _, due in draft.scan(st.DUE, limit=1)] == ["y"]
    assert [key for key, _ in draft.scan(st.ACCOUNTS)] == [f"account/{name}" for name in sorted(world.keys)]
    draft.delete(st.ACCOUNTS, "ada")
    assert [key for key, _ in draft.scan(st.ACCOUNTS, limit=2)] == ["account/bob", "account/cleo"]


def test_what_is_written_is_what_was_decided_and_a_deletion_only_of_what_was_stored():
    draft = draft_of(World())
    draft.change(st.ACCOUNTS, "ada", balance=5)
    draft.put(st.PAIRS, Pair(1), "ada", "bob")
    draft.keep()
    draft.delete(st.PAIRS, "ada", "bob")
    draft.delete(st.ACCOUNTS, "bob")
    draft.keep()
    draft.put(st.PAIRS, Pair(1), "ada", "dan")  # still pending
    writes = draft.writes()
    assert list(writes) == [b"account/ada", b"account/bob"] and writes[b"account/bob"] is None


def test_what_is_dropped_takes_its_notices_with_it():
    draft = draft_of(World())
    draft.emit(Alarm("kept"))
    draft.emit(Alarm("dropped"))
    draft.drop(1)
    assert draft.notices == [Alarm("kept")]


def test_ids_on_a_sub_chain_are_its_own():
    found = pair()
    ids = set()
    for world, chain in ((found.main, "testing"), (found.north, "north")):
        draft = draft_of(world, chain)
        draft.sender, draft.number = "ada", 0
        ids.add(draft.new_id("unit"))
    assert len(ids) == 2
