"""The rounds of a request: from its opening phases over every round to its closing phases."""

from msgspec.structs import replace

from ...base.codec import encode
from ...base.ids import digest
from ..chains import trust
from ..deadlines import AT_ONCE, cancel, schedule
from ..notices import RoundEnded, RoundsStopped
from ..records import Place, Posting, Progress, Request, RoundState
from ..rules import all_phases, smallest_team
from ..state import PHASES, PLACES, POSTS, PROGRESS, REQUESTS, TEAMS, Draft
from ..transactions import Declined, SaltReveal
from . import (
    elections,
    evictions,
    phases,
    scoring,
    seats,
    settlement,
    turns,
)

LARGEST_GAIN = 2**53
KEPT_FIGURES = 64  # how many rounds back a request's progress says how good its model was


def begin(draft: Draft, request: Request) -> None:
    """The team stands: open the opening phases, or round 1."""
    name, rules = request.request, request.rules
    until = draft.time + rules.stopping.time
    schedule(draft, until, "time", name)
    stage, round_ = ("opening", 0) if rules.opening else ("rounds", 1)
    draft.change(PROGRESS, name, stage=stage, until=until, round=round_, phase=-1)
    go_on(draft, request)


def complete_phase(draft: Draft, request: Request) -> None:
    """All that the open phase waits for is in: go on at once, or with a large team by the due-queue."""
    name, index = request.request, draft.get(PROGRESS, request.request).phase
    if len(draft.get(TEAMS, name).active) <= AT_ONCE:
        finish_phase(draft, request)
        return
    phase = draft.get(PHASES, name, index)
    cancel(draft, phase.deadline, "phase", name)
    draft.change(PHASES, name, index, deadline=draft.time)
    schedule(draft, draft.time, "phase", name)


def finish_phase(draft: Draft, request: Request) -> None:
    """The open phase is complete, or its time is up."""
    phases.close(draft, request)
    go_on(draft, request)


def go_on(draft: Draft, request: Request) -> None:
    """Open the next phase in which somebody owes a post; end rounds, stages and the request on the way."""
    name = request.request
    while True:
        progress = draft.get(PROGRESS, name)
        index = _next_phase(request, progress, turns.round_state(draft, name))
        if progress.stage in ("opening", "rounds") and turns.time_is_up(draft, progress):
            _break_off(draft, request)
        elif index is not None:
            if phases.open_phase(draft, request, index).owed:
                return
            phases.close(draft, request)
        elif progress.stage == "opening":
            _end_opening(draft, request)
        elif progress.stage == "rounds":
            _end_round(draft, request)
        elif progress.stage == "closing":
            _end_closing(draft, request)
            return
        if draft.get(PROGRESS, name).stage not in ("opening", "rounds", "closing"):
            return


def _next_phase(request: Request, progress: Progress, state: RoundState) -> int | None:
    """The next phase of this stage, or None when the stage or the round is over."""
    rules = request.rules
    first = {"opening": 0, "rounds": len(rules.opening), "closing": len(rules.opening + rules.phases)}
    last = {
        "opening": len(rules.opening),
        "rounds": len(rules.opening + rules.phases),
        "closing": len(all_phases(rules)),
    }
    if progress.stage == "rounds" and not state.counted:
        return None
    following = max(progress.phase + 1, first[progress.stage])
    return following if following < last[progress.stage] else None


def _end_opening(draft: Draft, request: Request) -> None:
    """Who kept its salt back forfeits its place; the others' salts seed every draw."""
    name = request.request
    salts, withheld = [], []
    for index in range(len(request.rules.opening)):
        for member in draft.get(PHASES, name, index).owed:
            posting = draft.find(POSTS, name, index, member)
            if posting is not None and isinstance(posting.content, SaltReveal):
                salts.append(posting.content.salt)
            else:
                withheld.append(member)
    still = dict.fromkeys(draft.get(TEAMS, name).active)
    seats.depart(draft, name, [member for member in withheld if member in still], "forfeited")
    settlement.clear_round(draft, request)
    seed = digest(b"salts", name.encode(), *salts)
    draft.change(PROGRESS, name, seed=seed, stage="rounds", round=1, phase=-1)
    seats.refill(draft, request, 0)
    if _too_small(draft, request):
        stop(draft, request, "the team is too small")


def _end_round(draft: Draft, request: Request) -> None:
    """Count the round, evict, refill, and stop or start the next."""
    name = request.request
    state, progress = turns.round_state(draft, name), draft.get(PROGRESS, name)
    postings = _postings(draft, request)
    complete = state.counted and bool(state.authors)
    result = _result_figure(request, state)
    if complete:
        progress = _completed(draft, request, progress, state, postings, result)
    record = encode([progress.round, complete, *(posting for _, posting in postings)])
    seed = _reseeded(progress, postings)
    progress = replace(progress, history=digest(b"round", progress.history, record), seed=seed)
    draft.put(PROGRESS, progress, name)
    draft.emit(RoundEnded(name, progress.round, complete, result if result is not None else state.start))
    evictions.change_team(draft, request, state, complete)
    phases_ = (draft.find(PHASES, name, index) for index in range(len(all_phases(request.rules))))
    served = any(phase.owed for phase in phases_ if phase is not None)
    settlement.clear_round(draft, request)
    reason = _why_stop(draft, request, result, state.start) or ("" if served else "nobody has anything to do")
    if reason:
        stop(draft, request, reason)
    else:
        draft.change(PROGRESS, name, round=progress.round + 1, phase=-1)


def _postings(draft: Draft, request: Request) -> list[tuple[int, Posting]]:
    """Every post of this round, by phase and then as its turn was."""
    postings = []
    for index in range(len(all_phases(request.rules))):
        phase = draft.find(PHASES, request.request, index)
        for member in phase.owed if phase else ():
            posting = draft.find(POSTS, request.request, index, member)
            if posting is not None:
                postings.append((index, posting))
    return postings


def _reseeded(progress: Progress, postings: list[tuple[int, Posting]]) -> bytes:
    """The seed moves on with every vector of scores that was revealed."""
    revealed = [encode(posting.values) for _, posting in postings if posting.values is not None]
    return digest(b"reveals", progress.seed, *revealed) if revealed else progress.seed


def _result_figure(request: Request, state: RoundState) -> int | None:
    """What the others measured on the round's result, where its phase was judged."""
    about = dict(state.judged).get(request.rules.result)
    return dict(about).get(state.authors[-1][0]) if about and state.authors else None


def _completed(
    draft: Draft,
    request: Request,
    progress: Progress,
    state: RoundState,
    postings: list[tuple[int, Posting]],
    result: int | None,
) -> Progress:
    """A round that counts: who served it, what it gained, what it is paid."""
    name, completed = request.request, progress.completed + 1
    served = dict.fromkeys(
        p.member for _, p in postings if p.accepted and not isinstance(p.content, Declined)
    )
    trained = dict.fromkeys(
        p.member
        for index, p in postings
        if p.accepted and all_phases(request.rules)[index].content in ("model", "inline")
        and not isinstance(p.content, Declined)
    )  # fmt: skip
    gained, scores = _gains(request, state), scoring.figures_of(state)
    unpaid = {*state.forfeited, *state.idle, *state.faulty}
    paid = []
    for member in served:
        place = draft.get(PLACES, name, member)
        here = member in trained and member not in unpaid
        place = draft.change(
            PLACES,
            name,
            member,
            last_accepted=completed,
            accepted=place.accepted + 1,
            present=place.present + here,
            gain=min(LARGEST_GAIN, place.gain + gained.get(member, 0)),
            score=scores.get(member, place.score),
        )
        if here and place.role != "analyst":
            paid.append(place)
    _pay_round(draft, request, progress.round, paid, gained)
    author, model = state.authors[-1]
    figures = progress.figures if state.start is None else (*progress.figures, state.start)
    figures = figures[-max(KEPT_FIGURES, request.rules.stopping.patience + 1) :]
    figure = result if result is not None else progress.figure
    return replace(progress, completed=completed, model=model, author=author, figures=figures, figure=figure)


def _gains(request: Request, state: RoundState) -> dict[str, int]:
    """What each post of this round gained; who was idle, at fault, or hid its scores gains nothing."""
    gained: dict[str, int] = {}
    rules = {rule.name: rule for rule in request.rules.phases}
    for phase, medians in state.judged:
        if rules[phase].turn == "leader":
            continue
        relay = rules[phase].turn == "in_order"
        order = (
            [m for m, _ in state.authors]
            if relay and phase == request.rules.result
            else [m for m, _ in medians]
        )
        for member, gain in scoring.gains(request.rules, relay, state.start, order, dict(medians)).items():
            if member not in (*state.idle, *state.forfeited, *state.faulty):
                gained[member] = gained.get(member, 0) + gain
    return gained


def _pay_round(
    draft: Draft, request: Request, round_: int, paid: list[Place], gained: dict[str, int]
) -> None:
    if request.rules.paying.kind != "per_round":
        return
    amount = settlement.round_reward(request, round_)
    for member, share in settlement.round_shares(request, paid, gained, amount).items():
        draft.add(PLACES, request.request, member, earned=share)


def _why_stop(draft: Draft, request: Request, result: int | None, start: int | None) -> str:
    """The first stop rule that holds now, or nothing."""
    rules, progress = request.rules, draft.get(PROGRESS, request.request)
    stopping, figures = rules.stopping, progress.figures
    figure = result if result is not None else start
    quality = stopping.quality
    if quality is not None and figure is not None and scoring.better(rules, figure, quality) >= 0:
        return "the wanted quality is reached"
    if progress.round >= stopping.rounds:
        return "all rounds are done"
    since = stopping.patience
    gained = (
        scoring.better(rules, figures[-1], figures[-1 - since]) if since and len(figures) > since else None
    )
    if gained is not None and gained < stopping.improvement:
        return f"{since} rounds improved too little"
    return "the team is too small" if _too_small(draft, request) else ""


def _too_small(draft: Draft, request: Request) -> bool:
    name = request.request
    members = turns.data_members(draft, name, draft.get(TEAMS, name))
    return len(members) < smallest_team(request.rules.forming, bool(draft.get(PROGRESS, name).analyst))


def stop(draft: Draft, request: Request, reason: str) -> None:
    """No more rounds: on to the closing phases, or the money back when no round was completed."""
    name = request.request
    progress = draft.get(PROGRESS, name)
    draft.emit(RoundsStopped(name, reason))
    if not progress.completed:
        settlement.refund(draft, name, reason)
        return
    cancel(draft, progress.until, "time", name)
    draft.change(PROGRESS, name, stage="closing", round=progress.round + 1, phase=-1)


def _end_closing(draft: Draft, request: Request) -> None:
    """What the closing phases released is the model that is recorded."""
    name = request.request
    state = turns.round_state(draft, name)
    if state.authors:
        author, model = state.authors[-1]
        draft.change(PROGRESS, name, model=model, author=author)
    settlement.clear_round(draft, request)
    elections.begin(draft, request)


def phase_due(draft: Draft, name: str) -> None:
    """A phase's deadline has passed; where too little is known of the main chain, it waits."""
    request = draft.get(REQUESTS, name)
    main = trust.stale(draft, request)
    if main is not None:
        phases.postpone(draft, name, main.terms.fresh)
        return
    if phases.expire(draft, request):
        finish_phase(draft, request)


def time_due(draft: Draft, name: str) -> None:
    """The time for the rounds is used up; where too little is known of the main chain, closing waits."""
    request = draft.get(REQUESTS, name)
    main = trust.stale(draft, request)
    if main is not None:
        later = draft.time + main.terms.fresh
        draft.change(PROGRESS, name, until=later)
        schedule(draft, later, "time", name)
        return
    _break_off(draft, request)
    if draft.get(PROGRESS, name).stage == "closing":
        go_on(draft, request)


def _break_off(draft: Draft, request: Request) -> None:
    """Drop the running round; what it has opened stays charged, and nobody is fined for what it owed."""
    name = request.request
    settlement.clear_round(draft, request)
    draft.change(PROGRESS, name, phase=-1)
    stop(draft, request, "the time is used up")
