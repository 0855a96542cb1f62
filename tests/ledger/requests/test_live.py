"""What has ended costs nobody anything: whoever asks what is live reads what is live."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from tallystick.ledger import state as st
from tallystick.ledger import views
from tallystick.ledger.records import LiveRequest, Stage
from tallystick.ledger.requests.live import LIVE
from tests.ledger.neighbours import ended, pair, sent
from tests.ledger.play import answer, ask, consortium, mutual
from tests.ledger.story import formed, posted, settled
from tests.ledger.world import HOUR, Memory, World


class Counted(Memory):
    """A state that counts the records that are read of it."""

    reads = 0

    def get(self, key: bytes) -> bytes | None:
        self.reads += 1
        return super().get(key)

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        rows = super().scan(prefix, limit)
        self.reads += len(rows)
        return rows


def with_settled(world: World, name: str, count: int) -> Counted:
    """The world's state, with so many copies of a request that has ended."""
    records = dict(world.reader.records)
    tables: tuple[st.StateTable[Any], ...] = (st.REQUESTS, st.PROGRESS, st.RECORDS)
    for table in tables:
        record = world.get(table, name)
        for place in range(count):
            other = f"request-{place:032x}"
            copy = record if table is st.PROGRESS else replace(record, request=other)
            records[table.key(other).encode()] = table.encode(copy)
    return Counted(records)


def busy() -> tuple[World, str]:
    """A world with a settled request, two that form, and one in its rounds."""
    world = World()
    done = settled(world)
    formed(world, mutual(2, 2), ("bob", "cleo"))
    posted(world, requester="ada")
    posted(world, requester="cleo")
    return world, done


ASKED = {
    "turns": lambda reader, time: [views.turns(reader, member, time) for member in ("ada", "bob", "dan")],
    "live": lambda reader, time: views.requests(reader, live=True),
    "forming": lambda reader, time: views.requests(reader, stage="forming"),
    "member": lambda reader, time: views.member(reader, "dan", time),
}


@pytest.mark.parametrize("asked", ASKED)
def test_ten_thousand_settled_requests_cost_no_more_reads_than_ten(asked):
    world, done = busy()
    few, many = with_settled(world, done, 10), with_settled(world, done, 10_000)
    answers = [ASKED[asked](reader, world.time) for reader in (few, many)]
    assert answers[0] == answers[1] == ASKED[asked](world.reader, world.time) != ()
    assert 0 < many.reads <= 1.2 * few.reads


def test_asking_for_what_has_ended_still_reads_it():
    world, done = busy()
    reader = with_settled(world, done, 100)
    assert len(views.requests(reader, stage="settled")) == 101
    assert len(views.requests(reader)) == 104 and reader.reads > 200


def live(world: World) -> dict[str, LiveRequest]:
    return dict(views.keyed(world.reader, st.LIVE_REQUESTS))


def test_a_request_is_listed_from_its_posting_to_its_end():
    world = World()
    play = formed(world)
    assert live(world) == {play.request: LiveRequest("dan")}
    play.run()
    assert live(world) == {}


def test_who_grades_is_listed_with_the_request():
    world = consortium()
    rules = mutual(2, 1, leader="named", named="cleo", ability="graded")
    name = ask(world, rules)
    assert live(world) == {name: LiveRequest("ada", "cleo")}
    answer(world, name, "bob")
    answer(world, name, "cleo")
    assert [turn.do for turn in views.turns(world.reader, "cleo", world.time)] == ["grade"]
    assert views.turns(world.reader, "bob", world.time) == ()
    assert views.turns(world.reader, "ada", world.time) == ()
    world.wait(HOUR)
    assert [turn.do for turn in views.turns(world.reader, "bob", world.time)] == ["post"]


def test_a_request_away_is_listed_on_both_chains_until_each_has_ended_it():
    found = pair()
    name = sent(found)
    assert (live(found.main), live(found.north)) == ({name: LiveRequest("dan")}, {})
    found = pair()
    name = ended(found)
    assert (live(found.main), live(found.north)) == ({name: LiveRequest("dan")}, {})
    found.tell_main("message", name)
    assert live(found.main) == {}


def test_a_request_is_live_in_every_stage_but_the_two_ends():
    assert set(LIVE) == set(get_args(Stage)) - {"settled", "refunded"}
