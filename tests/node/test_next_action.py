"""What a node should do now: made once, sent once, nothing that is under way, nothing after its time."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.ledger import records as r
from tallystick.ledger import transactions as tx
from tallystick.ledger.state import MEMBERS as MEMBER_TABLE
from tallystick.ledger.state import PROGRESS, REQUESTS
from tallystick.ledger.views import find
from tallystick.node.next_action import (
    ApproveRecord,
    CertifyRecord,
    MakePost,
    OpenScores,
    SendPost,
    Wait,
    WriteRecord,
    duty_of,
    next_action,
)
from tallystick.node.work import Duty, Holdings, Ready, SealedScores
from tests.node.site import HOUR, MEMBERS, Site, protocol, scheme

NOTHING = Holdings()


def ready(duty: Duty) -> Ready:
    return Ready(duty, tx.Declined(1, b"x" * 32))


def test_work_is_made_once_and_then_sent(site: Site):
    request = site.ask(scheme(protocol()))
    duty = Duty(request, 1, "train")
    assert next_action(site.engine, "bob", NOTHING, site.time) == MakePost(duty)
    made = Holdings({duty: ready(duty)})
    assert next_action(site.engine, "bob", made, site.time) == SendPost(ready(duty))
    assert duty_of(SendPost(ready(duty))) == duty_of(MakePost(duty)) == duty


def test_what_is_under_way_or_was_given_up_is_left(site: Site):
    duty = Duty(site.ask(scheme(protocol())), 1, "train")
    for holdings in (Holdings(flying={duty}), Holdings(given_up={duty})):
        waits = next_action(site.engine, "bob", holdings, site.time)
        assert isinstance(waits, Wait) and waits.until is not None and waits.until > site.time
    other = Duty(duty.request, 1, "judge")
    assert next_action(site.engine, "bob", Holdings(flying={other}), site.time) == MakePost(duty)


def test_after_the_deadline_nothing_is_begun(site: Site):
    site.ask(scheme(protocol()))
    assert isinstance(next_action(site.engine, "bob", NOTHING, site.time + 2 * HOUR), Wait)


def test_the_most_urgent_of_two_requests_comes_first(site: Site):
    first, second = site.ask(scheme(protocol())), site.ask(scheme(protocol(), seed=1))
    assert duty_of(next_action(site.engine, "bob", NOTHING, site.time)).request == first  # type: ignore[arg-type]
    busy = Holdings(flying={Duty(first, 1, "train")})
    assert duty_of(next_action(site.engine, "bob", busy, site.time)).request == second  # type: ignore[arg-type]


def test_who_asks_or_is_a_stranger_waits(site: Site):
    site.ask(scheme(protocol()))
    for name in ("ada", "nobody"):
        assert next_action(site.engine, name, NOTHING, site.time) == Wait(None)


def test_sealed_scores_are_opened_by_whoever_has_them(site: Site):
    request = site.ask(scheme(protocol(judging=True)))
    site.step()
    site.step()  # all have trained, and committed to their scores
    duty = Duty(request, 1, "judge")
    kept = site.nodes["bob"].worker.store.ready[duty]
    assert isinstance(kept.opening, SealedScores)
    assert next_action(site.engine, "bob", Holdings({duty: kept}), site.time) == OpenScores(kept)
    assert isinstance(next_action(site.engine, "bob", NOTHING, site.time), Wait)  # lost: nothing is made up


def test_the_end_of_a_request_is_recorded_and_approved(site: Site):
    request = site.ask(scheme(protocol()))
    done = set()
    for _ in range(10):
        for name in MEMBERS:
            done.add(type(next_action(site.engine, name, NOTHING, site.time)))
        site.step()
    assert site.progress(request).stage == "settled"
    assert done == {MakePost, WriteRecord, ApproveRecord, Wait}


class Counted:
    """A ledger that counts what is read of it, beside so many requests that have ended."""

    def __init__(self, site: Site, ended: int) -> None:
        self.site, self.reads, self.records = site, 0, dict[bytes, bytes]()
        (posted,) = (REQUESTS.decode(data) for _, data in site.engine.scan(b"request/", 2))
        for number in range(ended):
            name = f"request-{number:032x}"
            self.records[REQUESTS.key(name).encode()] = _renamed(posted, name)
            gone = r.Progress("settled", 0, 0, outcome="recorded")
            self.records[PROGRESS.key(name).encode()] = PROGRESS.encode(gone)

    def get(self, key: bytes) -> bytes | None:
        self.reads += 1
        return self.records.get(key) or self.site.engine.get(key)

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        own = [(key, data) for key, data in self.records.items() if key.startswith(prefix)]
        seen = sorted([*own, *self.site.engine.scan(prefix, limit)])[:limit]
        self.reads += 1 + len(seen)
        return seen


def _renamed(posted: r.Request, name: str) -> bytes:
    return REQUESTS.encode(replace(posted, request=name))


@pytest.mark.parametrize("name", ["bob", "ada"])
def test_ten_thousand_requests_that_have_ended_cost_a_turn_nothing(site: Site, name: str):
    site.ask(scheme(protocol()))
    few, many = Counted(site, 10), Counted(site, 10_000)
    actions = [next_action(view, name, NOTHING, site.time) for view in (few, many)]
    assert actions[0] == actions[1]
    assert few.reads == many.reads
    assert len(many.scan(b"request/", 1 << 30)) == 10_001  # they are there for whoever looks


def test_an_inactive_member_waits(site: Site):
    site.ask(scheme(protocol()))

    class Suspended(Counted):
        def get(self, key: bytes) -> bytes | None:
            data = super().get(key)
            if data is None or key != MEMBER_TABLE.key("bob").encode():
                return data
            return MEMBER_TABLE.encode(replace(MEMBER_TABLE.decode(data), active=False))

    assert find(site.engine, MEMBER_TABLE, "bob") is not None
    assert next_action(Suspended(site, 0), "bob", NOTHING, site.time) == Wait(None)


def test_the_opened_test_set_is_what_is_certified_on():
    duty = Duty("request-1", 0, "certify")
    assert duty_of(CertifyRecord(duty)) == duty
