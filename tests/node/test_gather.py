"""What turns read is here before anything is performed: fetched in one go, checked, or unavailable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as with_fields

import pytest

from tallystick.ledger.records import Posting
from tallystick.ledger.state import POSTS
from tallystick.ledger.transactions import posts
from tallystick.ledger.views import find
from tallystick.node.gather import Gathered, gather
from tallystick.node.next_action import ApproveRecord, MakePost, OpenScores, SendPost, WriteRecord
from tallystick.node.payloads.store import PayloadsInMemory
from tallystick.node.work import Duty, Ready
from tallystick.node.worker import Worker
from tallystick.protocols.vocabulary import Protocol
from tests.node.site import MEMBERS, Site, protocol, scheme


class Elsewhere:
    """Another machine's payloads, and what was asked of it."""

    def __init__(self, held: Mapping[bytes, bytes], lies: bool = False, down: bool = False) -> None:
        self.held, self.lies, self.down = held, lies, down
        self.asked: list[tuple[bytes, ...]] = []

    def fetch(self, names: Sequence[bytes]) -> Mapping[bytes, bytes]:
        self.asked.append(tuple(names))
        if self.down:
            raise OSError("no route to host")
        return {name: b"other bytes" if self.lies else self.held[name] for name in names if name in self.held}


def remote(site: Site, name: str, *sources: Elsewhere) -> Worker:
    """A node that has nothing of what the others posted."""
    return with_fields(site.nodes[name].worker, payloads=PayloadsInMemory(), sources=sources)


def models(site: Site, request: str) -> dict[str, bytes]:
    """The hash of each member's model."""
    found = {name: find(site.engine, POSTS, request, 0, name) for name in MEMBERS}
    return {
        name: posting.content.payload.plaintext
        for name, posting in found.items()
        if posting is not None and isinstance(posting.content, posts.Model)
    }


@pytest.fixture
def combining(site: Site) -> str:
    """A request whose members have trained; its leader combines now."""
    request = site.ask(scheme(protocol()))
    site.step()
    return request


def test_all_that_is_missing_is_asked_for_at_once_and_kept(site: Site, combining: str):
    there = Elsewhere(site.payloads.kept)
    worker = remote(site, "bob", there)
    duty = Duty(combining, 1, "combine")
    gathered = gather(site.engine, [(worker, MakePost(duty))])
    start = site.progress(combining).model
    assert there.asked == [(start,), tuple(models(site, combining)[name] for name in _order(gathered, duty))]
    assert gathered.troubles == () and len(gathered.tasks) == 1
    assert all(worker.payloads.have(name) for name in (start, *models(site, combining).values()))
    seen = gathered.views[duty]
    assert {
        author: isinstance(model, dict) for author, model in seen.inbox["train"].items()
    } == dict.fromkeys(MEMBERS, True)


def _order(gathered: Gathered, duty: Duty) -> list[str]:
    return [posting.member for posting in gathered.views[duty].postings["train"]]


def test_the_next_source_is_asked_for_the_rest_and_bytes_are_checked(site: Site, combining: str):
    liar, down = Elsewhere(site.payloads.kept, lies=True), Elsewhere({}, down=True)
    last = Elsewhere(site.payloads.kept)
    worker = remote(site, "bob", liar, down, last)
    duty = Duty(combining, 1, "combine")
    gathered = gather(site.engine, [(worker, MakePost(duty))])
    assert gathered.troubles == () and liar.asked == down.asked == last.asked
    assert b"other bytes" not in worker.payloads.kept.values()  # type: ignore[attr-defined]


def test_a_post_that_is_not_to_be_had_is_unavailable_and_the_turn_is_served(site: Site, combining: str):
    lost = models(site, combining)["cleo"]
    held = {name: data for name, data in site.payloads.kept.items() if name != lost}
    worker, duty = remote(site, "bob", Elsewhere(held)), Duty(combining, 1, "combine")
    gathered = gather(site.engine, [(worker, MakePost(duty))])
    assert gathered.troubles == ()
    inbox = gathered.views[duty].inbox["train"]
    assert inbox["cleo"] == "unavailable" and isinstance(inbox["dora"], dict)


def test_without_the_rounds_start_there_is_nothing_to_do_yet(site: Site, combining: str):
    duty, kept = Duty(combining, 1, "combine"), Ready(Duty(combining, 1, "x"), posts.Inline(b"x"))
    worker = remote(site, "bob")
    gathered = gather(site.engine, [(worker, MakePost(duty)), (site.nodes["dora"].worker, SendPost(kept))])
    ((trouble,), (task,)) = gathered.troubles, gathered.tasks
    assert (trouble.member, trouble.duty, trouble.kind) == ("bob", duty, "unavailable")
    assert "round 1 starts from" in trouble.reason
    assert task[1] == SendPost(kept) and duty not in gathered.views


def test_what_is_kept_needs_nothing(site: Site, combining: str):
    there = Elsewhere(site.payloads.kept)
    worker = remote(site, "bob", there)
    kept = Ready(Duty(combining, 1, "judge"), posts.Inline(b"x"))
    gathered = gather(site.engine, [(worker, SendPost(kept)), (worker, OpenScores(kept))])
    assert (len(gathered.tasks), gathered.views, there.asked) == (2, {}, [])


def test_the_recorded_model_is_brought_to_whoever_measures_it(site: Site, combining: str):
    while site.progress(combining).stage == "rounds":
        site.step()
    there = Elsewhere(site.payloads.kept)
    worker, model = remote(site, "bob", there), site.progress(combining).model
    for action in (WriteRecord(Duty(combining, 0, "record")), ApproveRecord(Duty(combining, 0, "approve"))):
        gathered = gather(site.engine, [(worker, action)])
        assert gathered.views[action.duty].recorded == model and gathered.troubles == ()
    assert there.asked == [(model,)] and worker.payloads.have(model)


def test_of_a_relay_the_last_hop_is_brought_alone(site: Site):
    request = site.ask(scheme(_handing_on()))
    site.step()
    hops = models(site, request)
    assert len(hops) == 3
    spoilt = Elsewhere(site.payloads.kept)
    worker, duty = remote(site, "bob", spoilt), Duty(request, 1, "read")
    gather(site.engine, [(worker, MakePost(duty))])
    order = [posting.member for posting in _postings(site, request)]
    assert spoilt.asked[1:] == [(hops[order[-1]],)]
    lost = {name: data for name, data in site.payloads.kept.items() if name != hops[order[-1]]}
    there = Elsewhere(lost)
    gather(site.engine, [(remote(site, "bob", there), MakePost(duty))])
    assert there.asked[1:] == [(hops[order[-1]],), (hops[order[-2]],)]


def _handing_on() -> Protocol:
    """All train; whoever combines reads the last model alone."""
    made = protocol()
    train, combine = made.phases
    last = with_fields(combine, name="read", do=with_fields(combine.do, reads_last=True))
    return with_fields(made, phases=(train, last), finish="read")


def _postings(site: Site, request: str) -> list[Posting]:
    found = [find(site.engine, POSTS, request, 0, name) for name in MEMBERS]
    return sorted((one for one in found if one is not None), key=lambda one: one.order)


def test_a_worker_without_the_scheme_does_not_keep_the_others_from_it(site: Site, combining: str):
    def foreign(request: object) -> object:
        raise LookupError("learner mlp@1 is not allowed here")

    strange = with_fields(site.nodes["cleo"].worker, scheme_of=foreign)  # type: ignore[arg-type]
    duty = Duty(combining, 1, "combine")
    gathered = gather(site.engine, [(strange, MakePost(duty)), (site.nodes["bob"].worker, MakePost(duty))])
    assert [worker.member for worker, _ in gathered.tasks] == ["bob"]
    assert [(one.member, one.reason) for one in gathered.troubles] == [
        ("cleo", "LookupError: learner mlp@1 is not allowed here")
    ]


def test_a_phase_that_has_closed_meanwhile_is_not_served(site: Site, combining: str):
    worker = site.nodes["bob"].worker
    gathered = gather(site.engine, [(worker, MakePost(Duty(combining, 1, "train")))])
    assert gathered.tasks == () and "phase train of round 1 is over" in gathered.troubles[0].reason
    gone = gather(site.engine, [(worker, MakePost(Duty("request-" + "0" * 32, 1, "train")))])
    assert gone.tasks == () and "there is no request" in gone.troubles[0].reason
