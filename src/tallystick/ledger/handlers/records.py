"""Records: posted by the elected recorder, approved by figures, certified on the opened test set."""

from .. import rejections as no
from ..notices import Approved, RecordPosted
from ..records import Progress, Request
from ..rejections import ensure, refusing
from ..requests import elections
from ..state import PROGRESS, REQUESTS, STATEMENTS, Draft
from ..transactions import Approve, Certify, PostRecord
from .requests import stage_now, wrong_stage


def _in_stage(draft: Draft, name: str, stage: str) -> tuple[Request, Progress]:
    request, progress = draft.find(REQUESTS, name), draft.find(PROGRESS, name)
    if request is None or progress is None:
        raise no.UnknownRecord(table="request", id=name)
    now = stage_now(draft, progress)
    ensure(now == stage, wrong_stage(name, now))
    return request, progress


def post_record(draft: Draft, tx: PostRecord) -> None:
    """Name the model and what one measured on it; posts, scores and contributions the ledger knows."""
    # CHECKS
    request, progress = _in_stage(draft, tx.request, "recording")
    ensure(elections.recorder_of(progress) == draft.sender, refusing(no.NotYourTurn, member=draft.sender))
    another = refusing(no.BadRecord, expected=progress.model.hex(), model=tx.model.hex())
    ensure(tx.model == progress.model, another)

    # EFFECTS
    draft.emit(RecordPosted(tx.request, draft.sender, tx.model, tx.figure))
    elections.open_approval(draft, request, tx.model, tx.figure)


def _ensure_stating(draft: Draft, progress: Progress, name: str, recorder: str) -> None:
    """Refuse who does not belong to the electorate, records itself, or has spoken."""
    may = draft.sender in progress.recorders and draft.sender != recorder
    ensure(may, refusing(no.NotYourTurn, member=draft.sender))
    again = draft.find(STATEMENTS, name, draft.sender) is not None
    ensure(not again, refusing(no.AlreadyDone, member=draft.sender, deed="stated its figure"))


def approve(draft: Draft, tx: Approve) -> None:
    """State a figure on the recorded model; the ledger compares."""
    # CHECKS
    _, progress = _in_stage(draft, tx.request, "approving")
    _ensure_stating(draft, progress, tx.request, elections.recorder_of(progress))

    # EFFECTS
    draft.emit(Approved(tx.request, draft.sender))
    elections.state(draft, tx.request, tx.figure)


def certify(draft: Draft, tx: Certify) -> None:
    """State a figure on the opened test set."""
    # CHECKS
    _, progress = _in_stage(draft, tx.request, "certifying")
    _ensure_stating(draft, progress, tx.request, "")

    # EFFECTS
    draft.emit(Approved(tx.request, draft.sender))
    elections.state(draft, tx.request, tx.figure)
