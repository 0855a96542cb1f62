"""What deadlines will do waits in their order, until its time or until it is cancelled."""

from __future__ import annotations

from tallystick.ledger import deadlines
from tallystick.ledger import state as st
from tests.ledger.drafts import draft_of
from tests.ledger.world import START, World


def test_what_is_scheduled_waits_in_the_order_of_its_deadlines():
    draft = draft_of(World())
    for deadline, of in ((START + 20, "c"), (START - 5, "a"), (START, "b")):
        deadlines.schedule(draft, deadline, "phase", of)
    assert [(entry.step, entry.of) for _, entry in draft.scan(st.DUE)] == [
        ("phase", "a"),
        ("phase", "b"),
        ("phase", "c"),
    ]


def test_what_is_cancelled_does_not_come():
    draft = draft_of(World())
    deadlines.schedule(draft, START, "phase", "a")
    deadlines.schedule(draft, START, "time", "a")
    deadlines.cancel(draft, START, "phase", "a")
    deadlines.cancel(draft, START, "phase", "a")  # twice does no harm
    assert [entry.step for _, entry in draft.scan(st.DUE)] == ["time"]


def test_a_deadline_is_due_from_its_moment_on():
    draft = draft_of(World())
    assert deadlines.is_due(draft, draft.time) and not deadlines.is_due(draft, draft.time + 1)
