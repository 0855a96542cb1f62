"""Rounds: posting in the open phase, opening what was committed, waking a quiet chain."""

from collections.abc import Callable

from msgspec.structs import replace

from .. import rejections as no
from ..chains import trust
from ..notices import Posted, Revealed, TurnMissed
from ..records import Phase, Posting, Progress, Request
from ..rejections import Refusal, ensure, refusing
from ..requests import phases, rounds
from ..requests.turns import round_state, subjects_of
from ..rules import PhaseRule, all_phases
from ..state import PHASES, PLACES, POSTS, PROGRESS, REQUESTS, ROUNDS, Draft
from ..transactions import (
    Committed,
    Declined,
    Inline,
    Model,
    Nudge,
    Post,
    Reveal,
    SaltReveal,
    Score,
    Scores,
    score_commitment,
)
from ..transactions.posts import salt_commitment


def post(draft: Draft, tx: Post) -> None:
    """Put a post into the open phase; the last one owed closes it."""
    # CHECKS
    request, phase, rule = _open_phase(draft, tx.request, tx.round, tx.phase)
    progress = draft.get(PROGRESS, tx.request)
    ensure(not phase.revealing, _wrong_phase(tx.round, tx.phase, "its reveals"))
    ensure(_has_turn(draft, rule, phase), refusing(no.NotYourTurn, member=draft.sender))
    again = draft.find(POSTS, tx.request, progress.phase, draft.sender) is not None
    ensure(not again, refusing(no.AlreadyDone, member=draft.sender, deed=f"posted in phase {tx.phase!r}"))
    reason = _misfit(rule, phase, draft.sender, tx)
    ensure(reason is None, refusing(no.WrongContent, reason=reason))
    if isinstance(tx.content, SaltReveal):
        kept = draft.get(PLACES, tx.request, draft.sender).commitment
        fits = kept == salt_commitment(tx.request, draft.sender, tx.content.salt)
        ensure(fits, refusing(no.BadReveal, member=draft.sender))

    # EFFECTS
    declined = isinstance(tx.content, Declined)
    fresh = not declined and _note_model(draft, request, rule, progress, tx)
    posting = Posting(draft.sender, phase.posted, tx.content, accepted=fresh)
    draft.emit(Posted(tx.request, tx.round, tx.phase, draft.sender))
    if phases.add_post(draft, request, phase, posting):
        rounds.complete_phase(draft, request)


def _open_phase(draft: Draft, name: str, round_: int, phase_name: str) -> tuple[Request, Phase, PhaseRule]:
    """The phase that is open, where it is the one that is meant."""
    request, progress = draft.find(REQUESTS, name), draft.find(PROGRESS, name)
    if request is None or progress is None:
        raise no.UnknownRecord(table="request", id=name)
    phase = draft.find(PHASES, name, progress.phase) if progress.phase >= 0 else None
    if phase is None:
        raise _wrong_phase(round_, phase_name, f"none, the request is {progress.stage}")()
    meant = (phase.round, phase.name) == (round_, phase_name)
    ensure(meant, _wrong_phase(round_, phase_name, f"round {phase.round} phase {phase.name!r}"))
    past = f"none any more, it closed at {phase.deadline}"  # whether or not the due-queue has come to it
    ensure(draft.time < phase.deadline, _wrong_phase(round_, phase_name, past))
    trust.ensure_fresh(draft, request)
    return request, phase, all_phases(request.rules)[progress.phase]


def _wrong_phase(round_: int, phase: str, open_now: str) -> Callable[[], Refusal]:
    return refusing(no.WrongPhase, round=round_, phase=phase, open=open_now)


def _has_turn(draft: Draft, rule: PhaseRule, phase: Phase) -> bool:
    if rule.turn == "in_order":
        return phase.owed[phase.cursor : phase.cursor + 1] == (draft.sender,)
    return draft.sender in phase.owed


def _misfit(rule: PhaseRule, phase: Phase, sender: str, tx: Post) -> str | None:
    """Why this content is not what the phase asks for, or None."""
    content = tx.content
    if isinstance(content, Declined):
        return None
    if rule.content == "scores":
        kind: type = Committed if rule.sealed else Scores
    else:
        kind = {"model": Model, "inline": Inline, "salt": SaltReveal}[rule.content]
    if not isinstance(content, kind):
        return f"{kind.__name__.lower()}, not {type(content).__name__.lower()}"
    if isinstance(content, Scores):
        return _wrong_length(rule, phase, sender, content.values)
    return None


def _wrong_length(rule: PhaseRule, phase: Phase, judge: str, values: tuple[Score, ...]) -> str | None:
    owed = 1 + len(subjects_of(rule, phase, judge))
    return None if len(values) == owed else f"{owed} scores, not {len(values)}"


def _note_model(draft: Draft, request: Request, rule: PhaseRule, progress: Progress, tx: Post) -> bool:
    """Remember a model's hash; the round's start, or one posted before in this round, is a copy, and idle."""
    content = tx.content
    if not isinstance(content, Model):
        return True
    name, state = request.request, round_state(draft, request.request)
    hash_ = content.payload.plaintext
    if hash_ == progress.model or (hash_ in state.hashes and not _own(draft, request, hash_)):
        draft.add(PLACES, name, draft.sender, idle=1)
        draft.emit(TurnMissed(name, tx.round, tx.phase, draft.sender, "copied"))
        return False
    final = progress.stage == "closing" or rule.name == request.rules.result
    authors = (*state.authors, (draft.sender, hash_)) if final else state.authors
    draft.put(ROUNDS, replace(state, hashes=(*state.hashes, hash_), authors=authors), name)
    return True


def _own(draft: Draft, request: Request, hash_: bytes) -> bool:
    """Whether the sender itself posted this before in the round: the mean of one model is that model."""
    indices = range(len(all_phases(request.rules)))
    posted = (draft.find(POSTS, request.request, index, draft.sender) for index in indices)
    contents = [posting.content for posting in posted if posting is not None and posting.accepted]
    return any(isinstance(content, Model) and content.payload.plaintext == hash_ for content in contents)


def reveal(draft: Draft, tx: Reveal) -> None:
    """Open one's scores, now that nobody can change its own any more."""
    # CHECKS
    request, phase, rule = _open_phase(draft, tx.request, tx.round, tx.phase)
    ensure(phase.revealing, _wrong_phase(tx.round, tx.phase, "its commitments"))
    index = draft.get(PROGRESS, tx.request).phase
    posting = draft.find(POSTS, tx.request, index, draft.sender)
    if posting is None or not isinstance(posting.content, Committed):
        raise no.NotYourTurn(member=draft.sender)
    ensure(posting.values is None, refusing(no.AlreadyDone, member=draft.sender, deed="revealed"))
    made = score_commitment(tx.request, tx.round, tx.phase, draft.sender, tx.values, tx.salt)
    ensure(made == posting.content.commitment, refusing(no.BadReveal, member=draft.sender))
    reason = _wrong_length(rule, phase, draft.sender, tx.values)
    ensure(reason is None, refusing(no.WrongContent, reason=reason))

    # EFFECTS
    draft.emit(Revealed(tx.request, tx.round, tx.phase, draft.sender))
    if phases.add_reveal(draft, request, phase, draft.sender, tx.values):
        rounds.complete_phase(draft, request)


def nudge(draft: Draft, tx: Nudge) -> None:
    """Wake the chain: its block has already served what was due."""
