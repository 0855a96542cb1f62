"""Three organisations with a ledger in a folder and a clock of their own, as demos use them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from ...base.codec import Record
from ...base.events import Gaussian
from ...base.ids import ROLES, digest
from ...base.keys import SigningKey
from ...client import Client, encryption_key
from ...engines.embedded.engine import EmbeddedEngine
from ...engines.engine import Answer, CommittedBlock, LedgerMachine
from ...ledger import rules as ru
from ...ledger import state as st
from ...ledger import transactions as tx
from ...ledger.genesis import Founder, Genesis
from ...ledger.notices import Fined, GrantGiven, Paid, RequestPosted, UnitRegistered
from ...ledger.records import Progress
from ...ledger.views.requests import open_phase
from ...ledger.views.units import budgets

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
NAMES: Final = ("ada", "bob", "cleo")
BALANCE, REWARD, DEPOSIT, ROUNDS = 1_000, 600, 90, 3
PURPOSE: Final = "maintenance"
SIGMA: Final = 4  # the noise on a sum, in units of what one row can change
START: Final = digest(b"wear: a first guess")  # the model that round 1 starts from
BUDGET: Final = tx.PrivacyBudget(10 * 10**9, 10**6, "record")


def rules() -> ru.Rules:
    """Both train, each judges the other under seal, the leader averages; the noise is part of the rules."""
    noise = ru.EventRule("record", Gaussian(SIGMA * 1000, 1), Gaussian(SIGMA * 1000, 1))
    return ru.Rules(
        forming=ru.Forming(2, 2, HOUR, deposit=DEPOSIT, leader_deposit=DEPOSIT),
        phases=(
            ru.PhaseRule("train", "everyone", "model", HOUR, rows="training", event=noise),
            ru.PhaseRule("judge", "everyone", "scores", HOUR, "train", True, rows="judging", event=noise),
            ru.PhaseRule("combine", "leader", "model", HOUR),
        ),
        stopping=ru.Stopping(ROUNDS, 2 * DAY),
        result="combine",
        electing=ru.Electing(tolerance=50_000),
    )


N = TypeVar("N")


@dataclass
class Clock:
    """Time that passes only when somebody waits."""

    now: int

    def __call__(self) -> int:
        return self.now


@dataclass
class Settlement:
    """What a request did to a member's account; together with what it had before, that is what it has."""

    member: str
    had: int = BALANCE
    escrow: int = 0
    reward: int = 0
    fines: int = 0
    back: int = 0  # of the escrow
    has: int = 0
    credit: int = 0


@dataclass(frozen=True)
class Offer:
    """A unit and a permission to use it."""

    unit: str
    grant: str


@dataclass
class Consortium:
    """A ledger in a folder and its members; each act is a signed transaction through the client."""

    folder: Path
    start: int
    machine: LedgerMachine | None = None
    initial: bytes = START
    keys: dict[str, SigningKey] = field(
        default_factory=lambda: {name: SigningKey.generate() for name in NAMES}
    )
    blocks: SigningKey = field(default_factory=SigningKey.generate)
    notices: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = Clock(self.start)
        founders = tuple(
            Founder(name, key.public, encryption_key(key.public), ROLES, BALANCE)
            for name, key in self.keys.items()
        )
        self.genesis = Genesis("demo", self.start, 10 * BALANCE, founders, validators=(self.blocks.public,))
        self.engine = EmbeddedEngine(
            self.folder, keys=[self.blocks], genesis=self.genesis, clock=self.clock, machine=self.machine
        )
        self.clients = {name: Client(self.engine, key, self.clock) for name, key in self.keys.items()}
        self.engine.subscribe(self._listen)

    def close(self) -> None:
        self.engine.close()

    def submit(self, member: str, body: tx.Transaction) -> Answer:
        """One transaction, signed by the member, durable in a block."""
        return self.clients[member].submit(body)

    def wait(self, milliseconds: int) -> None:
        self.clock.now += milliseconds
        self.engine.tick()

    def register(self, owner: str, rows: int, training: bytes, judging: bytes) -> str:
        """A unit over the member's own rows, of which the ledger sees two roots; its id."""
        unit = tx.RegisterUnit(
            "pumps",
            tx.Profile("wear", "table", rows, digest(b"wear: share")),
            training,
            judging,
            f"https://{owner}.example/pumps",
            tx.Sketch(1, b""),
            tx.Terms(price=5, purposes=(PURPOSE,)),
            BUDGET,
        )
        return first(UnitRegistered, self.submit(owner, unit)).unit

    def grant(self, owner: str, unit: str, to: str, uses: int) -> Offer:
        body = tx.GiveGrant(unit, to, PURPOSE, uses, self.clock.now + 30 * DAY)
        return Offer(unit, first(GrantGiven, self.submit(owner, body)).grant)

    def post(self) -> str:
        """Ada's request, its reward locked with it."""
        body = tx.PostRequest(
            "wear", PURPOSE, digest(b"mean"), REWARD, rules(), digest(b"mean of wear"), initial=self.initial
        )
        return first(RequestPosted, self.submit("ada", body)).request

    def apply(self, member: str, request: str, offer: Offer) -> None:
        """A place in the team, with the member's own rows; its deposit is locked."""
        self.submit(member, tx.Apply(request, units=(tx.UnitUse(offer.unit, offer.grant),)))

    def progress(self, request: str) -> Progress:
        return self.clients["ada"].get(st.PROGRESS, request)

    def await_stage(self, request: str, *stages: str) -> Progress:
        """Silence until the request has come so far: what is due happens, and nobody acts."""
        return self.serve(request, lambda progress: progress.stage in stages, lambda member: False)

    def serve(self, request: str, until: Callable[[Progress], bool], act: Callable[[str], bool]) -> Progress:
        """Everybody does what waits for it, in turn, until then; silence is waited for."""
        while not until(progress := self.progress(request)):
            acted = [act(member) for member in NAMES]
            if not any(acted):
                phase = open_phase(self.engine, request)
                deadline = phase.deadline if phase else progress.deadline
                self.wait(max(1, deadline - self.clock.now))
        return progress

    def spent(self, member: str) -> int:
        """What the training rows of a member have spent, in nano-epsilon."""
        return sum(budget.training.spent for budget in budgets(self.engine, owner=member))

    def settlement(self) -> list[Settlement]:
        """What the request did to each account, from the notices that the ledger gave."""
        rows = {name: Settlement(name) for name in NAMES}
        rows["ada"].escrow = -REWARD
        for notice in self.notices:
            if isinstance(notice, Paid):
                rows[notice.member].reward += notice.amount if notice.why != "compensation" else 0
                rows[notice.member].fines += notice.amount if notice.why == "compensation" else 0
            elif isinstance(notice, Fined):
                rows[notice.member].fines -= notice.amount
        # What nobody earned, and fines that nobody who stayed could take.
        rows["ada"].back = REWARD - sum(row.reward + row.fines for row in rows.values())
        for name, row in rows.items():
            account = self.clients[name].get(st.ACCOUNTS, name)
            row.has, row.credit = account.balance, account.credit
        return list(rows.values())

    def _listen(self, block: CommittedBlock) -> None:
        self.notices += block.notices
        for receipt in block.receipts:
            self.notices += receipt.notices


def first(kind: type[N], answer: Answer) -> N:
    """The notice of this kind that an accepted transaction gave."""
    return next(notice for notice in answer.receipt.notices if isinstance(notice, kind))
