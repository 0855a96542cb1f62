"""Doing what was decided: work is kept before it is sent, never made twice, and reads what was gathered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as with_fields
from typing import Any

import numpy as np
import pytest

from tallystick.ledger import transactions as tx
from tallystick.ledger.transactions import posts
from tallystick.node.gather import Gathered, gather
from tallystick.node.next_action import ApproveRecord, MakePost, OpenScores, SendPost, WriteRecord
from tallystick.node.perform import FAILED, NOTHING_MADE, UNFIT_MODEL, perform
from tallystick.node.work import Duty, Ready, SealedScores
from tallystick.protocols.vocabulary import Bench, Job, Product
from tests.node.site import MEMBERS, Site, moved, protocol, scheme


def gathered_for(site: Site, request: str, phase: str = "train", names: Sequence[str] = MEMBERS) -> Gathered:
    duty = Duty(request, 1, phase)
    return gather(site.engine, [(site.nodes[name].worker, MakePost(duty)) for name in names])


def content(site: Site, made: Any) -> Any:
    """What one node posts that performs this training."""
    performed = perform(gathered_for(site, site.ask(scheme(protocol(made))), names=["bob"]))
    (prepared,) = performed.prepared
    assert isinstance(prepared.body, tx.Post)
    return prepared.body.content, performed.troubles


def test_a_phase_is_served_once_for_all_and_kept_with_what_learners_remember(site: Site):
    batches: list[list[str]] = []

    def counted(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        batches.append([job.member for job in jobs])
        return [moved(job) for job in jobs]

    request = site.ask(scheme(protocol(counted)))
    performed = perform(gathered_for(site, request))
    assert batches == [list(MEMBERS)]
    for prepared in performed.prepared:
        assert isinstance(prepared.body, tx.Post) and isinstance(prepared.body.content, posts.Model)
        kept = prepared.worker.store.ready[prepared.duty]
        assert kept.content == prepared.body.content
        assert prepared.worker.store.memory(request, dict) == {"trainings": 1}
        assert site.payloads.have(prepared.body.content.payload.plaintext)


def test_memory_comes_back_in_the_next_round(site: Site):
    request = site.ask(scheme(protocol()), rounds=2)
    site.serve(request)
    assert site.nodes["bob"].worker.store.memory(request, dict) == {"trainings": 2}


def test_what_was_made_is_sent_and_not_made_again(site: Site):
    request = site.ask(scheme(protocol()))
    (first,) = perform(gathered_for(site, request, names=["bob"])).prepared
    worker = site.nodes["bob"].worker
    again = perform(Gathered(((worker, SendPost(worker.store.ready[first.duty])),)))
    assert again.prepared[0].body == first.body


def test_sealed_scores_are_committed_to_and_opened(site: Site):
    request = site.ask(scheme(protocol(judging=True)))
    site.step()
    performed = perform(gathered_for(site, request, "judge", ["bob"]))
    (committed,) = performed.prepared
    kept = site.nodes["bob"].worker.store.ready[committed.duty]
    assert isinstance(kept.content, posts.Committed) and isinstance(kept.opening, SealedScores)
    (opened,) = perform(Gathered(((site.nodes["bob"].worker, OpenScores(kept)),))).prepared
    assert isinstance(opened.body, tx.Reveal)
    commitment = tx.score_commitment(request, 1, "judge", "bob", opened.body.values, opened.body.salt)
    assert commitment == kept.content.commitment
    assert [score.figure for score in opened.body.values] == [500_000, 600_000, 600_000]


def test_nothing_made_is_declined(site: Site):
    declined, troubles = content(site, lambda bench, jobs: [Product() for _ in jobs])
    assert isinstance(declined, posts.Declined) and declined.code == NOTHING_MADE and troubles == ()


def test_a_model_that_nobody_would_take_is_declined(site: Site):
    def infinite(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        return [
            Product({name: np.full_like(part, np.inf) for name, part in job.start.items()}) for job in jobs
        ]

    declined, _ = content(site, infinite)
    assert isinstance(declined, posts.Declined) and declined.code == UNFIT_MODEL


def test_what_raises_is_declined_and_its_reason_noted(site: Site):
    def raising(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        raise LookupError("no column temp")

    declined, (trouble,) = content(site, raising)
    assert isinstance(declined, posts.Declined) and declined.code == FAILED
    assert (trouble.member, trouble.kind, trouble.reason) == ("bob", "failed", "LookupError: no column temp")
    with pytest.raises(LookupError, match="no column temp"):
        perform(gathered_for(site, site.ask(scheme(protocol(raising), seed=1))), fail_fast=True)


def test_a_member_that_fails_is_served_apart_from_the_others(site: Site):
    def some(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        if any(job.member == "cleo" for job in jobs):
            raise ValueError("odd rows")
        return [moved(job) for job in jobs]

    performed = perform(gathered_for(site, site.ask(scheme(protocol(some)))))
    kinds = {made.worker.member: type(made.body.content) for made in performed.prepared}
    assert kinds == {"bob": posts.Model, "cleo": posts.Declined, "dora": posts.Model}
    assert [one.member for one in performed.troubles] == ["cleo"]


def test_performing_reads_no_ledger(site: Site):
    request = site.ask(scheme(protocol()))
    site.step()
    gathered = gathered_for(site, request, "combine", ["bob"])
    site.engine.close()
    (prepared,) = perform(gathered).prepared
    assert isinstance(prepared.body, tx.Post) and isinstance(prepared.body.content, posts.Model)
    assert len(prepared.body.content.parents) == 1


def test_the_record_is_measured_by_whoever_states_it(site: Site):
    request = site.ask(scheme(protocol()))
    while site.progress(request).stage == "rounds":
        site.step()
    worker, name = site.nodes["bob"].worker, Duty(request, 0, "record")
    (record,) = perform(gather(site.engine, [(worker, WriteRecord(name))])).prepared
    assert isinstance(record.body, tx.PostRecord) and record.body.model == site.progress(request).model
    approve = ApproveRecord(Duty(request, 0, "approve"))
    (approved,) = perform(gather(site.engine, [(worker, approve)])).prepared
    assert isinstance(approved.body, tx.Approve) and approved.body.figure == record.body.figure


def test_whoever_cannot_measure_gives_up_that_record_alone(site: Site):
    def evaluate(model: Any, rows: Any, measure: Any) -> Any:
        raise ArithmeticError("not a number")

    request = site.ask(scheme(protocol()))
    while site.progress(request).stage == "rounds":
        site.step()
    installed = site.schemes[request]
    learner = with_fields(installed.bench.learner, evaluate=evaluate)
    bench = Bench(installed.bench.plan, learner, installed.bench.measure, installed.bench.run)
    site.schemes[request] = with_fields(installed, bench=bench)
    worker, duty = site.nodes["bob"].worker, Duty(request, 0, "approve")
    performed = perform(gather(site.engine, [(worker, ApproveRecord(duty))]))
    assert performed.prepared == () and [one.kind for one in performed.troubles] == ["failed"]
    assert worker.given_up == {duty}


def test_nothing_to_open_sends_nothing(site: Site):
    kept = Ready(Duty("request-1", 1, "judge"), posts.Inline(b"x"))
    assert perform(Gathered(((site.nodes["bob"].worker, OpenScores(kept)),))).prepared == ()
