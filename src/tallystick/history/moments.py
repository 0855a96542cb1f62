"""A request followed block by block: each notice becomes a moment with what a reader wants beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from ..base.measure import Measure
from ..engines.engine import CommittedBlock, LedgerOutcome
from ..ledger import notices, views
from ..ledger import transactions as tx
from ..ledger.records import Phase, Request
from ..ledger.requests.turns import subjects_of
from ..ledger.rules import Rules, all_phases
from ..ledger.state import PHASES, Reader
from ..ledger.transactions import posts
from ..ledger.transition import Receipt
from .sentences import Wording, sentence
from .statements import Evidence

START = ""  # the author of the model that a round started from
NANO = 10**9
UNMEASURED = ("abstain", "unavailable", "malformed")  # verdicts that come with no figure
SCORING = ("post", "reveal")  # transactions in which scores may be opened
# What a person wants to read of a run; the other moments are for programs.
TELLING = (
    notices.TeamFormed, notices.PhaseOpened, notices.TurnMissed, notices.MemberLeft, notices.MemberJoined,
    notices.RoundEnded, notices.RoundsStopped, notices.RecorderElected, notices.RecordDecided,
    notices.Fined, notices.RequestEnded,
)  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """What a judge said of a model."""

    round: int
    phase: str
    judge: str
    author: str  # or START
    figure: int
    verdict: str
    value: float | None = None  # the figure in the measure's own dimension, where it was measured


@dataclass(frozen=True)
class Moment:
    """Something that happened: what the ledger says, or, with no notice, what the program itself says."""

    time: int  # of the ledger, in milliseconds since 1970
    text: str
    round: int = 0
    phase: str = ""
    value: float | None = None  # the team's figure where a round ended, of its model or of its start
    member: str = ""
    notice: notices.Notice | None = None
    epsilon: float | None = None  # the most that any member's training rows have spent so far
    scores: tuple[Judged, ...] = ()  # who scored whom in a round that ended
    evidence: Evidence | None = None  # for who was evicted or expelled

    @property
    def telling(self) -> bool:
        """Whether a person wants to read it."""
        return self.notice is None or isinstance(self.notice, TELLING)


@dataclass(frozen=True)
class HeardBlock:
    """What a durable block says of a request, as its follower is handed it."""

    time: int
    notices: tuple[notices.Notice, ...]
    posts: tuple[tuple[str, tx.Post | tx.Reveal], ...] = ()  # by whom, where scores may be opened
    phases: tuple[Phase, ...] = ()  # phases of judges that were opened, as they then stood


@dataclass(eq=False)
class Follower:
    """A request from its posting on; `follow` is handed each block once, in order."""

    measure: Measure | None = None
    request: Request | None = None
    spent: int = 0
    scores: list[Judged] = field(default_factory=list)  # of the round that runs
    latest: tuple[Judged, ...] = ()  # of the round that was judged last
    phases: dict[tuple[int, str], Phase] = field(default_factory=dict)
    wording: Wording = field(default_factory=Wording)
    training: frozenset[str] = frozenset()  # the phases that are served from training rows
    charged: bool = False  # whether those are charged to a privacy budget

    def begin(self, request: Request) -> None:
        """Take up the request, which never changes."""
        rules = request.rules
        touching = [rule for rule in all_phases(rules) if rule.rows == "training"]
        self.request = request
        self.wording = Wording(self.measure, rules.stopping.rounds, judges_result(rules))
        self.training = frozenset(rule.name for rule in touching)
        self.charged = any(rule.event is not None for rule in touching)

    def follow(self, block: HeardBlock) -> tuple[list[Moment], list[Judged]]:
        """The moments of a block, and the scores that it opened."""
        for phase in block.phases:
            self.phases = {key: kept for key, kept in self.phases.items() if key[0] >= phase.round - 1}
            self.phases[phase.round, phase.name] = phase
        scores = [score for member, body in block.posts for score in self._opened(member, body)]
        self.scores += scores
        return [self._moment(notice, block.time) for notice in block.notices], scores

    def _moment(self, notice: notices.Notice, time: int) -> Moment:
        value, evidence = None, None
        scores: tuple[Judged, ...] = ()
        match notice:
            case notices.PrivacyCharged() if notice.phase in self.training:
                self.spent = max(self.spent, notice.epsilon_nano)
            case notices.MemberLeft(_, member, ("evicted" | "expelled")):
                evidence = evidence_of(member, self.latest)
            case notices.RoundEnded():
                value = self.wording.value(notice.figure)
                scores = tuple(score for score in self.scores if score.round == notice.round)
                self.latest, self.scores = scores or self.latest, []
        return Moment(
            time,
            sentence(notice, self.wording),
            getattr(notice, "round", 0),
            getattr(notice, "phase", ""),
            value,
            getattr(notice, "member", ""),
            notice,
            self.spent / NANO if self.charged else None,
            scores,
            evidence,
        )

    def _opened(self, judge: str, body: tx.Post | tx.Reveal) -> list[Judged]:
        """The scores that a transaction opens, by whom they are about."""
        values = body.values if isinstance(body, tx.Reveal) else getattr(body.content, "values", ())
        phase = self.phases.get((body.round, body.phase))
        rules = () if self.request is None else all_phases(self.request.rules)
        rule = next((rule for rule in rules if rule.name == body.phase), None)
        if phase is None or rule is None:
            return []
        about = (START, *subjects_of(rule, phase, judge))
        return [
            Judged(
                body.round,
                body.phase,
                judge,
                author,
                score.figure,
                score.verdict,
                None if score.verdict in UNMEASURED else self.wording.value(score.figure),
            )
            for author, score in zip(about, values, strict=False)
        ]


def judges_result(rules: Rules) -> bool:
    """Whether a round's own model is judged in it; else the next round judges it, as what it starts from."""
    return any(rule.of == rules.result for rule in rules.phases)


def evidence_of(member: str, scores: Sequence[Judged]) -> Evidence | None:
    """What the scores of a round say for and against a member, as an author and as a judge."""
    given: dict[str, list[float]] = {}
    own: dict[str, float] = {}
    for score in (score for score in scores if score.phase == scores[0].phase):
        if score.value is not None and score.judge == member:
            own[score.author] = score.value
        elif score.value is not None:
            given.setdefault(score.author, []).append(score.value)
    middle = {author: median(values) for author, values in given.items()}
    if not middle:
        return None
    others = [value for author, value in middle.items() if author not in (START, member)]
    both = [author for author in own if author in middle and author != START]
    farthest = max(both, key=lambda author: abs(own[author] - middle[author]), default=None)
    return Evidence(
        scores[0].round,
        middle.get(member),
        min(others, default=None),
        max(others, default=None),
        middle.get(START),
        None if farthest is None else (farthest, middle[farthest], own[farthest]),
    )


def every_notice(block: CommittedBlock | LedgerOutcome) -> tuple[notices.Notice, ...]:
    """What a block says: first what came due, then what each transaction did."""
    return (*block.notices, *(notice for receipt in block.receipts for notice in receipt.notices))


def notices_of(block: CommittedBlock | LedgerOutcome, request: str) -> tuple[notices.Notice, ...]:
    """What a block says of a request, in its order."""
    return tuple(notice for notice in every_notice(block) if getattr(notice, "request", "") == request)


def posts_of(
    transactions: Iterable[tx.Unsealed], receipts: Sequence[Receipt], request: str
) -> Iterator[tuple[str, tx.Post | tx.Reveal]]:
    """What was taken of the transactions in which scores may be opened."""
    for transaction, receipt in zip(transactions, receipts, strict=True):
        if receipt.code or receipt.kind not in SCORING or transaction.envelope is None:
            continue
        body = transaction.envelope.body
        sealed = isinstance(body, tx.Post) and not isinstance(body.content, posts.Scores)
        if isinstance(body, tx.Post | tx.Reveal) and body.request == request and not sealed:
            yield receipt.member, body


def phases_of(reader: Reader, request: Request, opened: Sequence[notices.Notice]) -> Iterator[Phase]:
    """The phases of judges among those that these notices open, as they stand."""
    places: Mapping[str, int] = {
        rule.name: index for index, rule in enumerate(all_phases(request.rules)) if rule.content == "scores"
    }
    for notice in opened:
        if isinstance(notice, notices.PhaseOpened) and notice.phase in places:
            phase = views.find(reader, PHASES, request.request, places[notice.phase])
            if phase is not None and phase.round == notice.round:
                yield phase
