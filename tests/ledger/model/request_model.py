"""One request in the books: who applied, who serves, how its team forms, changes and is refilled."""

from __future__ import annotations

from collections import deque
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tallystick.base.ids import rank
from tallystick.ledger.posts import Content, Score
from tallystick.ledger.records import Request
from tallystick.ledger.rules import PhaseRule, Rules
from tallystick.ledger.transactions import UnitUse
from tests.ledger.model.world import Broken, ensure

if TYPE_CHECKING:
    from tests.ledger.model.books import Books

PPM = 10**6


@dataclass
class Waiting:
    """An application: who waits with which stake."""

    member: str
    order: int
    preference: int
    ability: int
    amount: int
    units: tuple[UnitUse, ...]
    commitment: bytes | None
    analyst: bool
    locked: int


@dataclass
class Seat:
    """What the books say of one place."""

    member: str
    deposit: int
    amount: int
    units: tuple[UnitUse, ...]
    analyst: bool
    commitment: bytes | None
    status: str = "active"
    turns: int = 0
    missed: int = 0
    idle: int = 0
    forfeits: int = 0
    present: int = 0
    accepted: int = 0
    last: int = -1
    gain: int = 0
    score: int | None = None
    measured: int | None = None
    earned: int = 0
    opened: bool = False


@dataclass
class Said:
    """One post: what it was, whether it stands, the scores in it once they are known."""

    content: Content
    stands: bool
    values: tuple[Score, ...] | None = None


@dataclass
class Open:
    """The phase that is open."""

    rule: PhaseRule
    round: int
    deadline: int
    owed: list[str]
    subjects: tuple[str, ...]
    circle: tuple[str, ...]
    revealing: bool = False
    cursor: int = 0
    declared: list[tuple[str, str]] = field(default_factory=list)  # missed turns that the ledger announced


@dataclass
class Round:
    """What the running round has shown."""

    counted: bool = True
    posts: dict[str, dict[str, Said]] = field(default_factory=dict)
    owed: dict[str, list[str]] = field(default_factory=dict)  # who owed in each phase
    authors: list[tuple[str, bytes]] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    start: int | None = None
    judged: list[tuple[str, dict[str, int]]] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    faulty: list[str] = field(default_factory=list)


@dataclass
class Life:
    """A request from its posting to its end."""

    request: Request
    escrow: int
    deadline: int
    stage: str = "forming"
    until: int = 0
    round: int = 0
    phase: int = -1
    applications: dict[str, Waiting] = field(default_factory=dict)
    applied: int = 0
    listed: tuple[str, ...] = ()
    active: list[str] = field(default_factory=list)
    bench: list[str] = field(default_factory=list)
    seats: dict[str, Seat] = field(default_factory=dict)
    leader: str = ""
    analyst: str = ""
    open: Open | None = None
    now: Round = field(default_factory=Round)
    seed: bytes = b""
    completed: int = 0
    model: bytes = b""
    figures: list[int] = field(default_factory=list)
    figure: int | None = None
    purchased: int = 0
    recorders: list[str] = field(default_factory=list)
    attempt: int = 0
    stated: dict[str, int | None] = field(default_factory=dict)
    approving: int = 0
    recorder: str = ""
    reached: bool = False
    why: str = ""  # why the rounds stopped
    next: deque[tuple[str, ...]] = field(default_factory=deque)  # what the ledger must announce next
    paid: list[tuple[str, int, str]] = field(default_factory=list)
    fined: dict[str, int] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)  # phases closed in this stage or round

    @property
    def name(self) -> str:
        return self.request.request

    @property
    def rules(self) -> Rules:
        return self.request.rules

    def must_say(self, *words: str) -> None:
        self.next.append(words)

    def said(self, *words: str) -> bool:
        """Whether the ledger was to announce this now; it may announce nothing else first."""
        if not self.next:
            return False
        wanted = self.next.popleft()
        ensure(wanted == words, self.name, "announces", words, "before", wanted)
        return True

    def data_members(self) -> list[str]:
        return sorted(m for m in self.active if not self.seats[m].analyst)


def twin(life: Life) -> Life:
    """A copy that shares nothing that changes."""
    other = copy(life)
    other.applications = {m: copy(one) for m, one in life.applications.items()}
    other.seats = {m: copy(one) for m, one in life.seats.items()}
    other.active, other.bench = list(life.active), list(life.bench)
    other.figures, other.recorders = list(life.figures), list(life.recorders)
    other.stated, other.next = dict(life.stated), deque(life.next)
    other.paid, other.fined, other.closed = list(life.paid), dict(life.fined), list(life.closed)
    now = life.now
    other.now = Round(
        now.counted,
        {phase: {m: copy(post) for m, post in posts.items()} for phase, posts in now.posts.items()},
        {phase: list(owed) for phase, owed in now.owed.items()},
        list(now.authors),
        list(now.hashes),
        now.start,
        [(phase, dict(figures)) for phase, figures in now.judged],
        list(now.idle),
        list(now.hidden),
        list(now.faulty),
    )
    if life.open:
        owed, declared = other.now.owed[life.open.rule.name], list(life.open.declared)
        other.open = replace(life.open, owed=owed, declared=declared)
    return other


def stake_of(life: Life, member: str, analyst: bool) -> int:
    """What an applicant locks; who would lead locks a leader's stake."""
    form = life.rules.forming
    leads = analyst or (form.leader == "named" and form.named == member)
    return max(form.deposit, form.leader_deposit) if leads else form.deposit


def ordered(life: Life, waiting: list[Waiting], listed: tuple[str, ...]) -> list[Waiting]:
    """Applicants in the order that the rules name (bp2p Alg. 1)."""
    kind, seed = life.rules.forming.order, life.name.encode()
    if kind == "listed":
        return sorted((w for w in waiting if w.member in listed), key=lambda w: listed.index(w.member))
    if kind == "answer":
        return sorted(waiting, key=lambda w: w.order)
    return sorted(waiting, key=lambda w: (-((w.preference + w.ability) // 2), rank(seed, w.member)))


def candidates(books: Books, life: Life) -> tuple[str, ...] | None:
    form = life.rules.forming
    if form.candidates == "team":
        return tuple(books.teams[form.team][1])
    return life.listed if form.candidates == "listed" else None


def take_place(books: Books, life: Life, waiting: Waiting, rounds: int) -> bool:
    """Seat an applicant; one whose papers no longer hold gets its stake back."""
    life.applications.pop(waiting.member)
    if not books.budgets.seat(life.request, waiting.member, waiting.units, rounds, books.time):
        books.balance[waiting.member] += waiting.locked
        return False
    life.seats[waiting.member] = Seat(
        waiting.member, waiting.locked, waiting.amount, waiting.units, waiting.analyst, waiting.commitment
    )
    life.active.append(waiting.member)
    return True


def form(books: Books, life: Life) -> str:
    """Form the team; why it cannot, or nothing."""
    rules, form_ = life.rules, life.rules.forming
    allowed = candidates(books, life)
    waiting = [w for w in life.applications.values() if allowed is None or w.member in allowed]
    rest: list[Waiting] = []
    pay = rules.paying
    for one in ordered(life, waiting, allowed or ()):
        data = [life.seats[m] for m in life.data_members()]
        if one.analyst:
            wanted = len(data) == len(life.active)
        else:
            promised = pay.price * (sum(seat.amount for seat in data) + one.amount)
            within = promised <= life.request.reward - pay.recorder_fee - pay.analyst_fee
            wanted = len(data) < form_.size and (within or pay.kind != "per_amount")
        if not wanted:
            rest.append(one)
        else:
            take_place(books, life, one, rules.stopping.rounds)
    why = _shortfall(life) or _find_leader(books, life)
    if why:
        return why
    for one in rest[form_.bench :]:
        give_back(books, life, one)
    life.bench = [one.member for one in rest[: form_.bench]]
    for one in [one for one in life.applications.values() if one.member not in life.bench]:
        give_back(books, life, one)
    return ""


def give_back(books: Books, life: Life, waiting: Waiting) -> None:
    books.balance[waiting.member] += waiting.locked
    del life.applications[waiting.member]


def _shortfall(life: Life) -> str:
    form_ = life.rules.forming
    data = life.data_members()
    if form_.leader == "analyst" and len(data) == len(life.active):
        return "no analyst applied"
    needed = form_.minimum - (form_.leader == "analyst" and not form_.units)
    if len(data) < needed:
        return f"{len(data)} of at least {needed} members applied"
    amount = sum(life.seats[m].amount for m in data)
    return f"{amount} of {form_.amount} data units were offered" if amount < form_.amount else ""


def smallest(life: Life) -> int:
    """How many data members a team needs: its analyst fills a place where no units are wanted."""
    return life.rules.forming.minimum - (life.analyst != "" and not life.rules.forming.units)


def _find_leader(books: Books, life: Life) -> str:
    form_ = life.rules.forming
    if form_.leader == "analyst":
        life.leader = life.analyst = next(m for m in life.active if life.seats[m].analyst)
        return ""
    for member in life.active:
        if form_.leader == "named" and member != form_.named:
            continue
        more = max(0, form_.leader_deposit - life.seats[member].deposit)
        if books.balance[member] >= more:
            books.balance[member] -= more
            life.seats[member].deposit += more
            life.leader = member
            return ""
    return "nobody could stake what the leader must"


def depart(books: Books, life: Life, member: str, status: str) -> None:
    """End a member's duties; the lead passes to the first who is left."""
    seat = life.seats[member]
    ensure(
        seat.status == "active" and member in life.active, member, "departs", status, "but is", seat.status
    )
    seat.status = status
    life.active.remove(member)
    for use in seat.units:
        books.budgets.release(life.name, member, use, seat.opened)
    if life.leader == member:
        life.leader, life.analyst = ([*life.active, ""])[0], ""


def refill(books: Books, life: Life, round_: int) -> None:
    """Seat from the bench what is missing, an analyst first; a joiner serves the rounds that are left."""
    form_, left = life.rules.forming, life.rules.stopping.rounds - round_
    while left > 0:
        wants_analyst = form_.leader == "analyst" and not life.analyst
        analysts = [m for m in life.bench if life.applications[m].analyst]
        short = len(life.data_members()) < form_.size
        fitting = analysts[:1] if wants_analyst else []
        fitting += [m for m in life.bench if m not in analysts] if short else []
        if not fitting:
            return
        member = fitting[0]
        life.bench.remove(member)
        if take_place(books, life, life.applications[member], left):
            life.must_say("MemberJoined", member, str(round_ + 1))
            if life.seats[member].analyst or not life.leader:
                life.leader = member
                life.analyst = member if life.seats[member].analyst else ""


def entitled(books: Books, life: Life, member: str) -> bool:
    """Whether a member may go on serving."""
    units = life.seats[member].units
    allowed = [books.budgets.allowed(life.request, member, use, books.time) for use in units]
    return in_its_role(books, life, member) and all(allowed)


def in_its_role(books: Books, life: Life, member: str) -> bool:
    """Whether the others have left a member what its place needs."""
    seat, own = life.seats[member], books.members[member]
    role = "analyst" if seat.analyst else "owner" if seat.units else "worker"
    return own.active and role in own.roles


def ensure_may_apply(books: Books, life: Life, member: str, body: Any) -> None:
    """An application that was accepted had to be acceptable."""
    form_, own = life.rules.forming, books.members[member]
    told = (member, "was admitted to", life.name)
    ensure(member != life.request.member, *told, "which is its own")
    ensure(member not in life.applications and member not in life.seats, *told, "twice")
    ensure(books.credit[member] >= form_.minimum_credit, *told, "with a credit of", books.credit[member])
    role = "analyst" if body.analyst else "owner" if body.units else "worker"
    ensure(role in own.roles, *told, "without the role", role)
    allowed = candidates(books, life) if form_.candidates == "team" or life.stage != "forming" else None
    ensure(allowed is None or member in allowed, *told, "but is no candidate")
    if life.stage == "forming":
        ensure(books.time < life.deadline, *told, "at", books.time, "after", life.deadline)
    else:
        running = life.stage == "rounds" and life.round < life.rules.stopping.rounds
        ensure(running, *told, "when it is", life.stage, "in round", life.round)
        ensure(len(life.bench) < form_.bench, *told, "whose bench seats", life.bench)
    rows = sum(books.budgets.units[use.unit].rows for use in body.units)
    ensure(body.amount <= rows or not body.units, *told, "with", body.amount, "of", rows, "rows")
    for use in body.units:
        left = life.rules.stopping.rounds - life.round
        trouble = books.budgets.trouble(life.request, member, use, left, books.time)
        ensure(not trouble, *told, "although", trouble)


def entered(books: Books, life: Life, member: str, body: Any) -> None:
    """Somebody has applied: its stake is locked; on the bench it waits in order."""
    ensure_may_apply(books, life, member, body)
    locked = stake_of(life, member, body.analyst)
    rows = sum(books.budgets.units[use.unit].rows for use in body.units)
    ability = sum(PPM * value // (2 * (value + 1000)) for value in (books.credit[member], rows))
    books.balance[member] -= locked
    if books.balance[member] < 0:
        raise Broken(f"{member} staked {locked} of which it has not enough")
    life.applications[member] = Waiting(
        member, life.applied, body.preference, ability, body.amount, body.units, body.commitment,
        body.analyst, locked,
    )  # fmt: skip
    life.applied += 1
    if life.stage != "forming":
        waiting = [life.applications[m] for m in (*life.bench, member)]
        listed = candidates(books, life) or tuple(w.member for w in waiting)
        life.bench = [w.member for w in ordered(life, waiting, listed)]
