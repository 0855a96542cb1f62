"""What comes due is served once, in its order, and a fault in it takes nothing else along."""

from __future__ import annotations

from typing import Any

from tallystick.ledger import deadlines, due
from tallystick.ledger import state as st
from tallystick.ledger.notices import Alarm
from tallystick.ledger.state import Draft
from tests.ledger.drafts import draft_of
from tests.ledger.world import START, World


def served(draft: Draft, **handlers: Any) -> list[str]:
    """Which entries were served or given up, in their order."""
    order: list[str] = []

    def note(kind: str) -> Any:
        def serve(draft: Draft, of: str) -> None:
            order.append(of)
            handlers.get(kind, lambda *_: None)(draft, of)

        return serve

    def give_up(draft: Draft, of: str, *, step: str) -> None:
        order.append(f"gave up {step} of {of}")
        handlers.get("give_up", lambda *_: None)(draft, of)

    due.serve(draft, {kind: note(kind) for kind in ("phase", "time", "forming")}, give_up)
    return order


def test_only_what_is_due_is_served_earliest_first():
    draft = draft_of(World())
    deadlines.schedule(draft, START, "time", "b")
    deadlines.schedule(draft, START - 5, "phase", "a")
    deadlines.schedule(draft, START + 1, "phase", "c")
    assert served(draft) == ["a", "b"]
    assert [entry.of for _, entry in draft.scan(st.DUE)] == ["c"]
    assert served(draft) == []


def test_an_entry_may_cancel_a_later_one():
    draft = draft_of(World())
    deadlines.schedule(draft, START - 1, "phase", "a")
    deadlines.schedule(draft, START, "time", "b")
    assert served(draft, phase=lambda draft, _: deadlines.cancel(draft, START, "time", "b")) == ["a"]


def fails(draft: Draft, of: str) -> None:
    draft.change(st.ACCOUNTS, "ada", balance=0)
    draft.emit(Alarm("never seen"))
    raise ValueError(of)


def test_a_fault_undoes_its_entry_raises_an_alarm_and_is_given_up_once():
    draft = draft_of(World())
    deadlines.schedule(draft, START - 1, "phase", "a")
    deadlines.schedule(draft, START, "time", "b")
    draft.keep()
    assert served(draft, phase=fails) == ["a", "gave up phase of a", "b"]
    assert draft.notices == [Alarm("phase a: ValueError")]
    assert draft.get(st.ACCOUNTS, "ada").balance == 1_000 and draft.scan(st.DUE) == []


def test_a_fault_in_giving_up_is_an_alarm_too_and_the_entry_is_gone():
    draft = draft_of(World())
    deadlines.schedule(draft, START, "phase", "a")
    assert served(draft, phase=fails, give_up=fails) == ["a", "gave up phase of a"]
    assert draft.notices == [Alarm("phase a: ValueError")] * 2 and draft.scan(st.DUE) == []


def test_a_block_that_has_touched_many_records_leaves_the_rest_to_the_next(monkeypatch):
    draft = draft_of(World())
    for place in range(3):
        deadlines.schedule(draft, START, "phase", f"r{place}")
    monkeypatch.setattr(due, "MOST_RECORDS", 2)  # the chain's record, and whatever an entry decides
    assert served(draft) == ["r0"]
    assert [entry.of for _, entry in draft.scan(st.DUE)] == ["r1", "r2"]
