"""One request in the books, as data: its team, its money, its running round, its result, its election."""

from __future__ import annotations

from collections import deque
from copy import copy
from dataclasses import dataclass, field, replace

from tallystick.ledger.records import Request
from tallystick.ledger.rules import PhaseRule, Rules
from tallystick.ledger.transactions import Content, Score, UnitUse
from tests.ledger.observed import ensure


@dataclass
class ApplicationModel:
    """Who waits for a place, with which stake."""

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
class PlaceModel:
    """What the books know of one place."""

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
class PostModel:
    """One post: what it was, whether it stands, the scores in it once they are known."""

    content: Content
    stands: bool
    values: tuple[Score, ...] | None = None


@dataclass
class PhaseModel:
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

    def twin(self, owed: list[str]) -> PhaseModel:
        return replace(self, owed=owed, declared=list(self.declared))


@dataclass
class RoundModel:
    """What the running round has shown."""

    counted: bool = True
    posts: dict[str, dict[str, PostModel]] = field(default_factory=dict)
    owed: dict[str, list[str]] = field(default_factory=dict)  # who owed in each phase
    authors: list[tuple[str, bytes]] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    start: int | None = None
    judged: list[tuple[str, dict[str, int]]] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    faulty: list[str] = field(default_factory=list)

    def twin(self) -> RoundModel:
        return RoundModel(
            self.counted,
            {phase: {m: copy(post) for m, post in posts.items()} for phase, posts in self.posts.items()},
            {phase: list(owed) for phase, owed in self.owed.items()},
            list(self.authors),
            list(self.hashes),
            self.start,
            [(phase, dict(figures)) for phase, figures in self.judged],
            list(self.idle),
            list(self.hidden),
            list(self.faulty),
        )


@dataclass
class TeamModel:
    """Who applied, who serves, who waits on the bench, who leads."""

    applications: dict[str, ApplicationModel] = field(default_factory=dict)
    applied: int = 0
    listed: tuple[str, ...] = ()
    active: list[str] = field(default_factory=list)
    bench: list[str] = field(default_factory=list)
    places: dict[str, PlaceModel] = field(default_factory=dict)
    leader: str = ""
    analyst: str = ""

    def data_members(self) -> list[str]:
        """Who trains, by name: everybody but an analyst."""
        return sorted(m for m in self.active if not self.places[m].analyst)

    def twin(self) -> TeamModel:
        return replace(
            self,
            applications={m: copy(application) for m, application in self.applications.items()},
            active=list(self.active),
            bench=list(self.bench),
            places={m: copy(place) for m, place in self.places.items()},
        )


@dataclass
class MoneyModel:
    """A request's escrow, and what the ledger says that it paid and fined at its end."""

    escrow: int
    purchased: int = 0
    paid: list[tuple[str, int, str]] = field(default_factory=list)
    fined: dict[str, int] = field(default_factory=dict)

    def twin(self) -> MoneyModel:
        return replace(self, paid=list(self.paid), fined=dict(self.fined))


@dataclass
class ResultModel:
    """What the completed rounds have come to."""

    model: bytes = b""
    completed: int = 0
    figures: list[int] = field(default_factory=list)
    figure: int | None = None
    reached: bool = False  # the quality that was asked for

    def twin(self) -> ResultModel:
        return replace(self, figures=list(self.figures))


@dataclass
class ElectionModel:
    """Who records, and what the electorate states."""

    recorders: list[str] = field(default_factory=list)
    attempt: int = 0
    stated: dict[str, int | None] = field(default_factory=dict)
    approving: int = 0
    recorder: str = ""

    def twin(self) -> ElectionModel:
        return replace(self, recorders=list(self.recorders), stated=dict(self.stated))


@dataclass
class RequestModel:
    """A request from its posting to its end."""

    posted: Request
    money: MoneyModel
    result: ResultModel
    deadline: int
    stage: str = "forming"
    until: int = 0
    round: int = 0
    phase: int = -1
    open: PhaseModel | None = None
    now: RoundModel = field(default_factory=RoundModel)
    seed: bytes = b""
    team: TeamModel = field(default_factory=TeamModel)
    election: ElectionModel = field(default_factory=ElectionModel)
    expected: deque[tuple[str, ...]] = field(default_factory=deque)  # what the ledger must announce next

    @property
    def name(self) -> str:
        return self.posted.request

    @property
    def rules(self) -> Rules:
        return self.posted.rules

    def must_announce(self, *words: str) -> None:
        self.expected.append(words)

    def announced(self, *words: str) -> bool:
        """Whether the ledger was to announce this now; it may announce nothing else first."""
        if not self.expected:
            return False
        due = self.expected.popleft()
        ensure(due == words, self.name, "announces", words, "before", due)
        return True

    def smallest_team(self) -> int:
        """How many data members a team needs: its analyst fills a place where no units are asked for."""
        return self.rules.forming.minimum - (self.team.analyst != "" and not self.rules.forming.units)

    def twin(self) -> RequestModel:
        """A copy that shares nothing that changes."""
        now = self.now.twin()
        return replace(
            self,
            money=self.money.twin(),
            result=self.result.twin(),
            open=self.open and self.open.twin(now.owed[self.open.rule.name]),
            now=now,
            team=self.team.twin(),
            election=self.election.twin(),
            expected=deque(self.expected),
        )
