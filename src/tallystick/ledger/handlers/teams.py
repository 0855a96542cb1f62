"""Teams: applying, withdrawing, grading, listing, leaving; and standing teams that stay together."""

from .. import rejections as no
from ..budgets import reservations
from ..chains import trust
from ..notices import (
    AbilitiesGraded,
    ApplicationWithdrawn,
    Applied,
    TeamFounded,
    TeamJoined,
    TeamListed,
)
from ..records import Application, Listing, Phase, Progress, Request, StandingTeam
from ..rejections import ensure, refusing
from ..requests import forming, phases, rounds, seats, turns
from ..requests.seats import debit_account
from ..rules import PhaseRule, all_phases, draws
from ..state import (
    ACCOUNTS,
    APPLICATIONS,
    LISTINGS,
    MEMBERS,
    OTHER_CHAINS,
    PHASES,
    PLACES,
    POSTS,
    PROGRESS,
    REQUESTS,
    STANDING_TEAMS,
    TEAMS,
    UNITS,
    Draft,
)
from ..transactions import (
    Apply,
    ChooseTeam,
    Committed,
    Grade,
    JoinTeam,
    Leave,
    RegisterTeam,
    WithdrawApplication,
)
from .requests import own_request, stage_now, wrong_stage

PPM = 10**6
MAX_USES = 8192  # units of one team: what forming reserves, a phase charges and a record lists
MAX_EVENTS = 16  # different events of one application: each costs a millisecond or two to account
HALF_ABILITY = 1000  # this much credit, or this many rows, is half of the best ability


def known_request(draft: Draft, name: str) -> tuple[Request, Progress]:
    """A request and how far it has come."""
    request, progress = draft.find(REQUESTS, name), draft.find(PROGRESS, name)
    if request is None or progress is None:
        raise no.UnknownRecord(table="request", id=name)
    return request, progress


def apply(draft: Draft, tx: Apply) -> None:
    """Apply for a place while the team forms, or for the bench until the last round."""
    # CHECKS
    request, progress = known_request(draft, tx.request)
    benched = _ensure_open(draft, request, progress)
    ensure(
        request.member != draft.sender, refusing(no.SelfDealing, member=draft.sender, deed="answer itself")
    )
    _ensure_new(draft, tx.request)
    _ensure_fitting(draft, request, tx, benched)
    _ensure_credit(draft, request)
    rounds_left = request.rules.stopping.rounds - progress.round
    for use in tx.units:
        reservations.ensure_possible(draft, request, draft.sender, use, rounds_left)
    locked, has = forming.stake(request, draft.sender, tx.analyst), draft.get(ACCOUNTS, draft.sender).balance
    ensure(has >= locked, refusing(no.NotEnoughTokens, needed=locked, has=has))

    # EFFECTS
    debit_account(draft, draft.sender, locked)
    application = Application(
        draft.sender,
        progress.applications,
        tx.preference,
        _standing(draft, tx),
        tx.amount,
        tx.units,
        tx.commitment,
        tx.analyst,
        locked,
    )
    draft.put(APPLICATIONS, application, tx.request, draft.sender)
    draft.add(PROGRESS, tx.request, applications=1)
    if benched:
        _join_bench(draft, request)
    draft.emit(Applied(tx.request, draft.sender, benched))


def _ensure_open(draft: Draft, request: Request, progress: Progress) -> bool:
    """Refuse where nobody can join any more; say whether it is the bench that one joins."""
    stage = stage_now(draft, progress)
    if stage == "forming":
        return False
    late = progress.round >= request.rules.stopping.rounds
    ensure(stage == "rounds" and not late, wrong_stage(request.request, stage))
    size = request.rules.forming.bench
    full = len(draft.get(TEAMS, request.request).bench) >= size
    ensure(not full, refusing(no.BenchFull, request=request.request, size=size))
    return True


def _ensure_new(draft: Draft, request: str) -> None:
    again = (
        draft.find(APPLICATIONS, request, draft.sender) is not None
        or draft.find(PLACES, request, draft.sender) is not None
    )
    ensure(not again, refusing(no.AlreadyDone, member=draft.sender, deed="applied"))


def _ensure_fitting(draft: Draft, request: Request, tx: Apply, benched: bool) -> None:
    """Refuse who may not be chosen, lacks the role, or applies with the wrong papers."""
    form, roles = request.rules.forming, draft.get(MEMBERS, draft.sender).roles
    role = seats.role_needed(tx.analyst, tx.units)
    ensure(role in roles, refusing(no.WrongRole, member=draft.sender, role=role))
    known = form.candidates == "team" or benched  # a list may still be posted while the team forms
    allowed = forming.candidates(draft, request) if known else None
    group = f"team {form.team!r}" if form.team else "the posted candidates"
    eligible = allowed is None or draft.sender in allowed
    ensure(eligible, refusing(no.NotEligible, member=draft.sender, of=group))
    flaw = _flaw(request, tx) or _overstated(draft, tx) or _not_agreed(draft, request, tx)
    ensure(flaw is None, refusing(no.BadApplication, reason=flaw))


def _overstated(draft: Draft, tx: Apply) -> str | None:
    """Data is paid by the amount: nobody brings more than its units have rows."""
    units = [draft.find(UNITS, use.unit) for use in tx.units]
    rows = sum(unit.profile.rows for unit in units if unit is not None)
    known = units and None not in units
    return f"{tx.amount} of {rows} registered rows are offered" if known and tx.amount > rows else None


def _not_agreed(draft: Draft, request: Request, tx: Apply) -> str | None:
    """A few validators could decide against everybody else: who serves there agrees to it by name."""
    if not request.chain or tx.chain == request.chain:
        return None
    few = len(draft.get(OTHER_CHAINS, request.chain).terms.validators) < trust.ALONE
    return f"chain {request.chain!r} has few validators: agree by naming it" if few else None


def _flaw(request: Request, tx: Apply) -> str | None:
    form = request.rules.forming
    names = [use.unit for use in tx.units]
    if tx.analyst and form.leader != "analyst":
        return "no analyst is wanted"
    if tx.analyst and (tx.units or tx.amount):
        return "an analyst brings no data"
    if form.units and not tx.analyst and not tx.units:
        return "at least one unit is wanted"
    if len(dict.fromkeys(names)) < len(names):
        return "one unit is named twice"
    if draws(request.rules) != (tx.commitment is not None) and not tx.analyst:
        return "a salt's hash is owed exactly where something is drawn"
    if form.amount and not tx.analyst and not tx.amount:
        return "the amount of data is wanted"
    if len(tx.units) * form.size > MAX_USES:
        return f"{len(tx.units)} units each of a team of {form.size} are more than {MAX_USES}"
    if len(dict.fromkeys(event for use in tx.units for _, event in use.events)) > MAX_EVENTS:
        return f"it names more than {MAX_EVENTS} different events"
    return None


def _ensure_credit(draft: Draft, request: Request) -> None:
    credit, needed = draft.get(ACCOUNTS, draft.sender).credit, request.rules.forming.minimum_credit
    enough = credit >= needed
    ensure(enough, refusing(no.NotEnoughCredit, member=draft.sender, needed=needed, has=credit))


def _standing(draft: Draft, tx: Apply) -> int:
    """Ability from what is on the ledger: half the credit earned, half the rows registered."""
    credit = draft.get(ACCOUNTS, draft.sender).credit
    rows = sum(draft.get(UNITS, use.unit).profile.rows for use in tx.units)
    return sum(PPM * value // (2 * (value + HALF_ABILITY)) for value in (credit, rows))


def _join_bench(draft: Draft, request: Request) -> None:
    name = request.request
    bench = draft.get(TEAMS, name).bench
    waiting = [draft.get(APPLICATIONS, name, member) for member in (*bench, draft.sender)]
    listed = forming.candidates(draft, request) or tuple(a.member for a in waiting)
    draft.change(TEAMS, name, bench=tuple(a.member for a in seats.in_order(request, waiting, listed)))


def withdraw_application(draft: Draft, tx: WithdrawApplication) -> None:
    """Take an application back, or leave the bench; what was staked returns."""
    # CHECKS
    _, progress = known_request(draft, tx.request)
    application = draft.find(APPLICATIONS, tx.request, draft.sender)
    if application is None:
        place = draft.find(PLACES, tx.request, draft.sender)
        ensure(place is None, wrong_stage(tx.request, progress.stage))
        raise no.UnknownRecord(table="application", id=tx.request)

    # EFFECTS
    seats.give_back(draft, tx.request, application)
    team = draft.find(TEAMS, tx.request)
    if team is not None:
        draft.change(TEAMS, tx.request, bench=tuple(m for m in team.bench if m != draft.sender))
    draft.emit(ApplicationWithdrawn(tx.request, draft.sender))


def choose_team(draft: Draft, tx: ChooseTeam) -> None:
    """Post the candidates in order; what the requester's search or choice found."""
    # CHECKS
    request, progress = own_request(draft, tx.request)
    stage = stage_now(draft, progress)
    listed = request.rules.forming.candidates == "listed"
    ensure(stage == "forming" and listed, wrong_stage(tx.request, stage))
    twice = len(dict.fromkeys(tx.members)) < len(tx.members)
    ensure(not twice, refusing(no.BadTeam, reason="one member is named twice"))
    for member in tx.members:
        ensure(draft.find(MEMBERS, member), refusing(no.UnknownMember, member=member))

    # EFFECTS
    draft.put(LISTINGS, Listing(tx.members), tx.request)
    draft.emit(TeamListed(tx.request, len(tx.members)))


def grade(draft: Draft, tx: Grade) -> None:
    """Put the leader's grades on the applications (bp2p Alg. 1, line 4)."""
    # CHECKS
    request, progress = known_request(draft, tx.request)
    form = request.rules.forming
    grades = form.named == draft.sender
    ensure(grades, refusing(no.NotYours, table="request", id=tx.request, member=draft.sender))
    stage = stage_now(draft, progress)
    graded = stage == "forming" and form.ability == "graded"
    ensure(graded, wrong_stage(tx.request, stage))
    for member, _ in tx.grades:
        applied = draft.find(APPLICATIONS, tx.request, member)
        ensure(applied, refusing(no.UnknownRecord, table="application", id=member))

    # EFFECTS
    for member, ability in tx.grades:
        draft.change(APPLICATIONS, tx.request, member, ability=ability)
    draft.emit(AbilitiesGraded(tx.request, len(tx.grades)))


def leave(draft: Draft, tx: Leave) -> None:
    """Leave a team: every turn not served is missed (bp2p eq. 1-3); before round 1 only a salt kept back."""
    # CHECKS
    request, progress = known_request(draft, tx.request)
    place = draft.find(PLACES, tx.request, draft.sender)
    if place is None or place.status != "active":
        raise no.UnknownRecord(table="place", id=tx.request)
    ensure(progress.stage in ("opening", "rounds", "closing"), wrong_stage(tx.request, progress.stage))
    trust.ensure_fresh(draft, request)

    # EFFECTS
    open_phase = draft.get(PHASES, tx.request, progress.phase)
    rule = all_phases(request.rules)[progress.phase]
    unserved = _unserved(draft, request, progress, open_phase)
    hidden = _hides_scores(draft, tx.request, progress.phase)
    owes = hidden + _owes_now(draft, tx.request, progress.phase, rule, open_phase)
    missed = unserved + owes
    draft.add(PLACES, tx.request, draft.sender, turns=unserved, missed=missed, forfeits=hidden)
    if hidden:
        phases.forfeit(draft, tx.request, draft.sender)
    seats.depart(draft, tx.request, [draft.sender], "left")
    if phases.forget(draft, request, draft.sender):
        rounds.complete_phase(draft, request)


def _unserved(draft: Draft, request: Request, progress: Progress, open_phase: Phase) -> int:
    """How many turns a member that leaves now would still have had: in this round, in others, in closing."""
    in_order = all_phases(request.rules)[progress.phase].turn == "in_order"
    waits = in_order and draft.sender in open_phase.owed[open_phase.cursor + 1 :]
    return turns.ahead(request.rules, progress, draft.sender, progress.phase + 1) + waits


def _owes_now(draft: Draft, request: str, index: int, rule: PhaseRule, open_phase: Phase) -> int:
    """Whether the leaver owes a post in the open phase; one by one, only the holder does."""
    holders = open_phase.owed[open_phase.cursor :][:1] if rule.turn == "in_order" else open_phase.owed
    posted = draft.find(POSTS, request, index, draft.sender) is not None
    return int(draft.sender in holders and not posted)


def _hides_scores(draft: Draft, request: str, index: int) -> int:
    """Whether the leaver has committed to scores that it now never opens."""
    posting = draft.find(POSTS, request, index, draft.sender)
    hidden = posting is not None and isinstance(posting.content, Committed) and posting.values is None
    return int(hidden)


def register_team(draft: Draft, tx: RegisterTeam) -> None:
    """Found a standing team: the founder leads it, the others join by themselves."""
    # CHECKS
    taken = draft.find(STANDING_TEAMS, tx.name) is not None
    ensure(not taken, refusing(no.AlreadyExists, table="team", id=tx.name))
    twice = len(dict.fromkeys(tx.members)) < len(tx.members) or draft.sender in tx.members
    ensure(not twice, refusing(no.BadTeam, reason="one member is named twice, or the founder is"))
    for member in tx.members:
        ensure(draft.find(MEMBERS, member), refusing(no.UnknownMember, member=member))

    # EFFECTS
    team = StandingTeam(tx.name, draft.sender, tx.members, (draft.sender,))
    draft.put(STANDING_TEAMS, team, tx.name)
    draft.emit(TeamFounded(tx.name, draft.sender))


def join_team(draft: Draft, tx: JoinTeam) -> None:
    """Accept the place that one was offered in a standing team."""
    # CHECKS
    team = draft.find(STANDING_TEAMS, tx.team)
    if team is None:
        raise no.UnknownRecord(table="team", id=tx.team)
    ensure(draft.sender not in team.members, refusing(no.AlreadyDone, member=draft.sender, deed="joined"))
    invited = draft.sender in team.invited
    group = f"those whom team {tx.team!r} invited"
    ensure(invited, refusing(no.NotEligible, member=draft.sender, of=group))

    # EFFECTS
    draft.change(STANDING_TEAMS, tx.team, members=(*team.members, draft.sender))
    draft.emit(TeamJoined(tx.team, draft.sender))
