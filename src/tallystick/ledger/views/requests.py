"""Requests: how far they have come, who owes what, what waits for a member, the records they end with."""

from collections.abc import Iterator
from typing import Literal

from ...base.codec import Record
from .. import records as r
from ..requests.elections import recorder_of
from ..requests.live import LIVE
from ..rules import all_phases, uncharged
from ..state import (
    APPLICATIONS,
    BALLOTS,
    ELECTORATES,
    LISTINGS,
    LIVE_REQUESTS,
    MEMBERS,
    PHASES,
    PLACES,
    POSTS,
    PROGRESS,
    PROPOSALS,
    RECORD_DRAFTS,
    RECORDS,
    REQUESTS,
    STANDING_TEAMS,
    STATEMENTS,
    TEAMS,
    Reader,
)
from ..transactions.posts import Committed
from .grants import asks
from .reading import every, find, keyed


class OpenPhase(Record):
    """The phase that is open: what it asks for, until when, and who has not served it yet."""

    round: int
    name: str
    content: str
    revealing: bool
    deadline: int
    owed: tuple[str, ...]
    owing: tuple[str, ...]
    subjects: tuple[str, ...]


class RequestView(Record):
    """A request, how far it has come, and who serves it."""

    request: str
    member: str
    category: str
    purpose: str
    plan: bytes
    reward: int
    posted: int
    parent: str
    stage: str
    escrow: int
    deadline: int  # of what the request waits for now; 0 when it has ended
    round: int
    rounds: int
    completed: int
    phase: OpenPhase | None
    leader: str
    analyst: str
    applicants: tuple[str, ...]
    team: tuple[str, ...]
    bench: tuple[str, ...]
    gone: tuple[str, ...]
    recorder: str
    model: bytes
    figure: int | None
    reached: bool
    outcome: str
    uncharged: tuple[str, ...]  # phases without a formal guarantee
    chain: str = ""  # where its rounds run, if not here


def request(reader: Reader, name: str) -> RequestView | None:
    """A request, or None."""
    posted, now = find(reader, REQUESTS, name), find(reader, PROGRESS, name)
    return None if posted is None or now is None else _view(reader, posted, now)


def _view(reader: Reader, posted: r.Request, now: r.Progress) -> RequestView:
    name = posted.request
    phase, team = open_phase(reader, name), find(reader, TEAMS, name) or r.Team(())
    electing = now.stage in ("recording", "approving")
    return RequestView(
        name,
        posted.member,
        posted.category,
        posted.purpose,
        posted.plan,
        posted.reward,
        posted.posted,
        posted.parent,
        now.stage,
        now.escrow,
        phase.deadline if phase else now.deadline,
        now.round,
        posted.rules.stopping.rounds,
        now.completed,
        phase,
        now.leader,
        now.analyst,
        tuple(applicant.member for applicant in every(reader, APPLICATIONS, name)),
        team.active,
        team.bench,
        team.gone,
        recorder_of(now) if electing else "",
        now.model,
        now.figure,
        now.reached,
        now.outcome,
        uncharged(posted.rules),
        posted.chain,
    )


def requests(
    reader: Reader, stage: str = "", member: str = "", category: str = "", live: bool = False
) -> tuple[RequestView, ...]:
    """Requests of one stage, or all that are live; of one requester, of one category."""
    views = []
    for name in _live_names(reader) if live or stage in LIVE else _names(reader):
        posted, now = find(reader, REQUESTS, name), find(reader, PROGRESS, name)
        if posted is None or now is None:
            continue
        if stage in ("", now.stage) and member in ("", posted.member) and category in ("", posted.category):
            views.append(_view(reader, posted, now))
    return tuple(views)


def _live_names(reader: Reader) -> Iterator[str]:
    return (name for name, _ in keyed(reader, LIVE_REQUESTS))


def _names(reader: Reader) -> Iterator[str]:
    return (posted.request for posted in every(reader, REQUESTS))


def open_phase(reader: Reader, name: str) -> OpenPhase | None:
    """The phase of a request that is open, or None."""
    posted, now = find(reader, REQUESTS, name), find(reader, PROGRESS, name)
    phase = find(reader, PHASES, name, now.phase) if now is not None and now.phase >= 0 else None
    if posted is None or now is None or phase is None:
        return None
    rule = all_phases(posted.rules)[now.phase]
    if rule.turn == "in_order":
        owing = phase.owed[phase.cursor : phase.cursor + 1]
    else:
        owing = tuple(member for member in phase.owed if _owes(reader, name, now.phase, phase, member))
    return OpenPhase(
        phase.round,
        phase.name,
        rule.content,
        phase.revealing,
        phase.deadline,
        phase.owed,
        owing,
        phase.subjects,
    )


def _owes(reader: Reader, name: str, index: int, phase: r.Phase, member: str) -> bool:
    posting = find(reader, POSTS, name, index, member)
    if not phase.revealing:
        return posting is None
    hidden = posting is not None and isinstance(posting.content, Committed)
    return hidden and posting is not None and posting.values is None


Doing = Literal[
    "vote", "answer", "join", "choose", "grade",
    "post", "reveal", "record", "approve", "open test", "certify",
]  # fmt: skip


class Turn(Record):
    """Something that waits for a member: what it is asked to do, of what, until when."""

    do: Doing
    of: str
    deadline: int
    round: int = 0
    phase: str = ""
    must: bool = False  # whether keeping silent is fined


def turns(reader: Reader, member: str, time: int) -> tuple[Turn, ...]:
    """Everything that waits for a member now, the most urgent first."""
    known = find(reader, MEMBERS, member)
    if known is None or not known.active:
        return ()
    waiting = [*_votes(reader, member, time), *_invitations(reader, member, time)]
    for name, live in keyed(reader, LIVE_REQUESTS):
        acts = member in (live.member, live.grader) or find(reader, PLACES, name, member) is not None
        posted = find(reader, REQUESTS, name) if acts else None
        now = find(reader, PROGRESS, name) if acts else None
        if posted is not None and now is not None:
            waiting += _of_request(reader, posted, now, member)
    return tuple(sorted(waiting, key=lambda turn: (turn.deadline, turn.of, turn.do)))


def _votes(reader: Reader, member: str, time: int) -> Iterator[Turn]:
    for proposal in every(reader, PROPOSALS):
        if proposal.stage == "open" and time < proposal.deadline:
            electorate = find(reader, ELECTORATES, proposal.proposal)
            voted = find(reader, BALLOTS, proposal.proposal, member) is not None
            if electorate is not None and member in electorate.members and not voted:
                yield Turn("vote", proposal.proposal, proposal.deadline)


def _invitations(reader: Reader, member: str, time: int) -> Iterator[Turn]:
    for ask in asks(reader, time, owner=member):
        yield Turn("answer", ask.ask, ask.until)
    for team in every(reader, STANDING_TEAMS):
        if member in team.invited and member not in team.members:
            yield Turn("join", team.team, 2**53 - 1)


def _of_request(reader: Reader, posted: r.Request, now: r.Progress, member: str) -> Iterator[Turn]:
    name, form = posted.request, posted.rules.forming
    match now.stage:
        case "forming":
            listed = form.candidates == "listed" and find(reader, LISTINGS, name) is None
            if listed and posted.member == member:
                yield Turn("choose", name, now.deadline)
            if form.ability == "graded" and form.named == member:
                yield Turn("grade", name, now.deadline)
        case "opening" | "rounds" | "closing":
            phase = open_phase(reader, name)
            if phase is not None and member in phase.owing:
                do: Doing = "reveal" if phase.revealing else "post"
                yield Turn(do, name, phase.deadline, phase.round, phase.name, must=True)
        case "recording":
            if recorder_of(now) == member:
                yield Turn("record", name, now.deadline, must=True)
        case "approving":
            if _may_state(reader, name, now, member) and recorder_of(now) != member:
                yield Turn("approve", name, now.deadline)
        case "sealed":
            if posted.member == member:
                yield Turn("open test", name, now.deadline)
        case "certifying":
            if _may_state(reader, name, now, member):
                yield Turn("certify", name, now.deadline)


def _may_state(reader: Reader, name: str, now: r.Progress, member: str) -> bool:
    return member in now.recorders and find(reader, STATEMENTS, name, member) is None


class PlaceView(Record):
    """A member's place in a live request."""

    request: str
    member: str
    role: str
    status: str
    deposit: int
    turns: int
    missed: int
    idle: int
    earned: int


def places(reader: Reader, name: str) -> tuple[PlaceView, ...]:
    """Everybody who serves a live request or has left it."""
    return tuple(
        PlaceView(
            name,
            place.member,
            place.role,
            place.status,
            place.deposit,
            place.turns,
            place.missed,
            place.idle,
            place.earned,
        )
        for place in every(reader, PLACES, name)
    )


class RecordView(Record):
    """What a request ended with: the model, who made it, how good it is, and what using it again costs."""

    record: r.FinalRecord
    member: str
    category: str
    purpose: str
    plan: bytes
    reuse_key: bytes
    reuse_fee: int


def record(reader: Reader, name: str) -> RecordView | None:
    """The record of a request, or None."""
    final, posted = find(reader, RECORDS, name), find(reader, REQUESTS, name)
    if final is None or posted is None:
        return None
    return RecordView(
        final,
        posted.member,
        posted.category,
        posted.purpose,
        posted.plan,
        posted.reuse_key,
        posted.rules.paying.reuse_fee,
    )


def records(
    reader: Reader, reuse_key: bytes | None = None, member: str = "", category: str = ""
) -> tuple[RecordView, ...]:
    """Records: of one task by its reuse key, with a member among the makers, of one category."""
    views = (record(reader, final.request) for final in every(reader, RECORDS))
    return tuple(
        view
        for view in views
        if view is not None
        and reuse_key in (None, view.reuse_key)
        and category in ("", view.category)
        and (not member or member in dict(view.record.contributions))
    )


def draft_of_record(reader: Reader, name: str) -> r.RecordDraft | None:
    """The record that an electorate is deciding on, with the content of the opened test set; or None."""
    return find(reader, RECORD_DRAFTS, name)
