"""A turn of the loop: requests side by side, what goes wrong in one, what is under way and not yet seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tallystick.engines.engine import NotCommitted
from tallystick.ledger import transactions as tx
from tallystick.ledger import views
from tallystick.ledger.state import POSTS, RECORDS
from tallystick.node.loop import step
from tallystick.protocols.vocabulary import Bench, Job, Product
from tests.node.site import MEMBERS, Site, moved, protocol, scheme


def broken(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
    raise ValueError("no such layer")


def broken_for_bob(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
    if any(job.member == "bob" for job in jobs):
        raise ValueError("bob's rows are odd")
    return [moved(job) for job in jobs]


def test_a_request_is_served_to_its_end(site: Site):
    request = site.ask(scheme(protocol(judging=True)), rounds=2)
    turns = site.serve(request)
    progress, record = site.progress(request), views.find(site.engine, RECORDS, request)
    assert (progress.stage, progress.completed) == ("settled", 2)
    assert record is not None and site.payloads.have(record.model)
    assert [turn.troubles for turn in turns if turn.troubles] == []


def test_a_learner_that_raises_ends_its_own_request_and_no_other(site: Site):
    good, bad = site.ask(scheme(protocol())), site.ask(scheme(protocol(broken), seed=1))
    turns = site.serve(good, bad)
    assert site.progress(good).stage == "settled"
    assert site.progress(bad).stage == "refunded"
    troubles = [trouble for turn in turns for trouble in turn.troubles]
    assert {(one.duty.request, one.kind) for one in troubles} == {(bad, "failed")}
    assert {one.member for one in troubles} == set(MEMBERS)
    assert all(one.reason == "ValueError: no such layer" for one in troubles)


def test_what_fails_for_one_member_is_declined_and_the_others_are_served(site: Site):
    request = site.ask(scheme(protocol(broken_for_bob)))
    first = site.step()
    assert [(one.member, one.kind) for one in first.troubles] == [("bob", "failed")]
    posted = {name: views.find(site.engine, POSTS, request, 0, name) for name in MEMBERS}
    kinds = {name: type(posting.content) for name, posting in posted.items() if posting}
    assert kinds == {"bob": tx.Declined, "cleo": tx.Model, "dora": tx.Model}
    site.serve(request)
    assert site.progress(request).stage == "settled"


def test_a_simulation_has_the_failure_itself(site: Site):
    site.ask(scheme(protocol(broken)))
    with pytest.raises(ValueError, match="no such layer"):
        site.step(fail_fast=True)


def test_whoever_interrupts_is_not_caught(site: Site):
    def interrupted(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        raise KeyboardInterrupt

    site.ask(scheme(protocol(interrupted)))
    with pytest.raises(KeyboardInterrupt):
        site.step()


def test_a_model_that_cannot_be_had_is_waited_for(site: Site):
    request = site.ask(scheme(protocol()))
    site.payloads.withheld.add(site.progress(request).model)
    missing = site.step()
    assert missing.answers == ()
    assert {(one.member, one.kind) for one in missing.troubles} == {(name, "unavailable") for name in MEMBERS}
    site.payloads.withheld.clear()
    assert len(site.step().answers) == 3


def test_a_time_out_is_not_sent_twice(site: Site, monkeypatch: pytest.MonkeyPatch):
    request = site.ask(scheme(protocol()))
    session, store = site.sessions["bob"], site.nodes["bob"].worker.store

    def lost(pending: Any) -> Any:
        raise NotCommitted(pending.digest, "the line is cut")

    with monkeypatch.context() as cut:
        cut.setattr(session, "wait", lost)
        cut.setattr(site.engine, "_make_block", lambda tickets: pytest.fail("no block may be made"))
        stepped = site.step("bob")
    assert [(one.member, one.kind) for one in stepped.troubles] == [("bob", "unsettled")]
    (flight,) = store.flying.values()
    assert flight.duty == site.duty(request, "train")
    again = site.step("bob")
    assert again.answers == () and list(store.flying) == [flight.duty]
    site.engine.tick()
    assert site.engine.find(flight.digest) is not None
    assert site.step("bob").answers == () and not store.flying
    posting = views.find(site.engine, POSTS, request, 0, "bob")
    assert posting is not None and posting.order == 0
    assert len(site.engine.history("bob")) == 4  # unit, grant, application, post


def test_whoever_is_interrupted_while_waiting_knows_what_is_under_way(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    request = site.ask(scheme(protocol()))

    def interrupted(pending: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(site.sessions["bob"], "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            site.step("bob")
    assert list(site.nodes["bob"].worker.store.flying) == [site.duty(request, "train")]


def test_what_ended_unseen_is_sent_anew(site: Site, monkeypatch: pytest.MonkeyPatch):
    request = site.ask(scheme(protocol()))
    session, store = site.sessions["bob"], site.nodes["bob"].worker.store

    def lost(pending: Any) -> Any:
        raise NotCommitted(pending.digest, "the line is cut")

    with monkeypatch.context() as cut:
        cut.setattr(session, "wait", lost)
        site.step("bob")
    (flight,) = store.flying.values()
    site.engine._pool.done([site.engine._pool.find(flight.transaction)])  # as if whoever had it fell
    site.time = flight.valid_until + 1
    site.do("ada", tx.Transfer("cleo", 1))  # the ledger's time moves on
    answers = site.step("bob").answers
    assert [type(body).__name__ for _, body, _ in answers] == ["Post"] and answers[0][2].accepted
    assert views.find(site.engine, POSTS, request, 0, "bob") is not None and not store.flying


def test_a_refusal_is_noted(site: Site):
    site.ask(scheme(protocol()))

    def spoilt(node: Any, body: tx.Transaction) -> tx.Transaction:
        return tx.Post(body.request, 9, body.phase, body.content) if isinstance(body, tx.Post) else body

    stepped = site.step("bob", alter=spoilt)
    assert [(one.kind, one.reason.partition(":")[0]) for one in stepped.troubles] == [
        ("refused", "WrongPhase")
    ]


def test_all_is_made_before_anything_is_sent(site: Site):
    site.ask(scheme(protocol()))
    order: list[str] = []

    def noted(node: Any, body: tx.Transaction) -> tx.Transaction:
        order.append(f"made by {node.member}")
        return body

    height = site.engine.status().height
    site.step(alter=noted, before_sending=lambda: order.append(f"height {site.engine.status().height}"))
    assert order == [*(f"made by {name}" for name in MEMBERS), f"height {height}"]


def test_work_of_an_ended_request_is_forgotten(site: Site):
    request = site.ask(scheme(protocol()))
    site.serve(request)
    store = site.nodes["bob"].worker.store
    assert any(duty.request == request for duty in store.ready)
    site.step()
    assert not store.ready and store.memory(request, dict) is None


def test_a_node_alone_and_nobody_waits(site: Site):
    stepped = step(site.engine, [], site.time)
    assert (stepped.answers, stepped.rest_until, stepped.troubles) == ((), None, ())
