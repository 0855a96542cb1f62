"""The ledger's own story: three organisations and one request, in signed transactions and virtual time.

What is learnt is one number, the mean wear of two plants' pumps, each with Gaussian noise on its own share.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from secrets import randbelow
from typing import Any, Final

from ..base import merkle
from ..base.events import Gaussian
from ..base.ids import ROLES, digest
from ..base.keys import SigningKey
from ..client import Client, encryption_key
from ..engines.embedded.engine import EmbeddedEngine
from ..engines.engine import Answer, Committed, Machine
from ..ledger import notices as say
from ..ledger import rules as ru
from ..ledger import state as st
from ..ledger import transactions as tx
from ..ledger.genesis import Founder, Genesis, Limits
from ..ledger.records import FinalRecord, Progress
from ..ledger.views.requests import Turn, open_phase, turns
from ..ledger.views.units import budgets

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
NAMES: Final = ("ada", "bob", "cleo")
BALANCE, REWARD, DEPOSIT, ROUNDS = 1_000, 600, 90, 3
PURPOSE: Final = "maintenance"
ROWS: Final = 4_000  # of each plant, as many again for judging
SIGMA: Final = 4  # the noise on a sum, in units of what one row can change
GUESS: Final = 500_000  # the model that round 1 starts from
MILLION: Final = 10**6
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


@dataclass
class Clock:
    """Time that passes when the story says so."""

    now: int

    def __call__(self) -> int:
        return self.now


@dataclass
class Plant:
    """A member's private side: its rows, the salts of what it sealed, what it measured last."""

    client: Client
    training: list[int] = field(default_factory=list)
    judging: list[int] = field(default_factory=list)
    measured: int = GUESS
    sealed: tuple[tuple[tx.Score, ...], bytes] = ((), b"")


class Story:
    """A ledger in a folder and its members; each act is a transaction through the client."""

    def __init__(self, folder: Path, start: int, machine: Machine | None = None) -> None:
        self.clock = Clock(start)
        self.keys = {name: SigningKey.generate() for name in NAMES}
        self.blocks = SigningKey.generate()
        roles: Any = ROLES
        founders = tuple(
            Founder(name, key.public, encryption_key(key.public), roles, BALANCE)
            for name, key in self.keys.items()
        )
        self.genesis = Genesis(
            "demo", start, 10 * BALANCE, founders, limits=Limits(), validators=(self.blocks.public,)
        )
        self.engine = EmbeddedEngine(
            folder, keys=[self.blocks], genesis=self.genesis, clock=self.clock, machine=machine
        )
        chance = Random("pumps")
        self.plants = {name: Plant(Client(self.engine, key, self.clock)) for name, key in self.keys.items()}
        for place, plant in enumerate(self.plants.values()):
            plant.training, plant.judging = (
                [round(MILLION * chance.betavariate(3, 5 + 2 * place)) for _ in range(ROWS)] for _ in range(2)
            )
        self.models: dict[bytes, int] = {digest(str(GUESS).encode()): GUESS}
        self.trained: dict[tuple[int, str], int] = {}  # round and member: the model
        self.notices: list[Any] = []
        self.engine.subscribe(self._listen)

    def close(self) -> None:
        self.engine.close()

    def does(self, member: str, body: tx.Body) -> Answer:
        """One transaction, signed by the member, durable in a block."""
        return self.plants[member].client.submit(body)

    def wait(self, milliseconds: int) -> None:
        self.clock.now += milliseconds
        self.engine.tick()

    def register(self, member: str) -> tuple[str, str]:
        """A unit over the member's own rows; its id and its lineage."""
        plant = self.plants[member]
        training, judging = (
            merkle.root(str(row).encode() for row in rows) for rows in (plant.training, plant.judging)
        )
        unit = tx.RegisterUnit(
            "pumps",
            tx.Profile("wear", "table", 2 * ROWS, digest(b"wear: share")),
            training,
            judging,
            f"https://{member}.example/pumps",
            tx.Sketch(1, b""),
            tx.Terms(price=5, purposes=(PURPOSE,)),
            BUDGET,
        )
        made = self.does(member, unit).receipt.notices[0]
        return made.unit, made.lineage

    def grant(self, owner: str, unit: str, to: str, uses: int) -> str:
        body = tx.GiveGrant(unit, to, PURPOSE, uses, self.clock.now + 30 * DAY)
        return str(self.does(owner, body).receipt.notices[0].grant)

    def post(self) -> str:
        """Ada's request, its reward locked with it."""
        start = digest(str(GUESS).encode())
        body = tx.PostRequest(
            "wear", PURPOSE, digest(b"mean"), REWARD, rules(), digest(b"mean of wear"), initial=start
        )
        return str(self.does("ada", body).receipt.notices[0].request)

    def revoke(self, owner: str, grant: str) -> None:
        self.does(owner, tx.RevokeGrant(grant))

    def apply(self, member: str, request: str, unit: str, grant: str) -> None:
        """A place in the team, with the member's own rows; its deposit is locked."""
        self.does(member, tx.Apply(request, units=(tx.UnitUse(unit, grant),)))

    def leave(self, member: str, request: str) -> None:
        self.does(member, tx.Leave(request))

    def record(self, request: str) -> FinalRecord:
        return self.plants["ada"].client.get(st.RECORDS, request)

    def spent(self, member: str) -> int:
        """What the training rows of a member have spent, in nano-epsilon."""
        return sum(one.training.spent for one in budgets(self.engine, owner=member))

    def settlement(self) -> list[dict[str, Any]]:
        """What the request did to each account, from the notices that the ledger gave."""
        moved = {name: {"escrow": 0, "reward": 0, "fines": 0} for name in NAMES}
        moved["ada"]["escrow"] = -REWARD
        for one in self.notices:
            if isinstance(one, say.Paid):
                moved[one.member]["fines" if one.why == "compensation" else "reward"] += one.amount
            elif isinstance(one, say.Fined):
                moved[one.member]["fines"] -= one.amount
        accounts = {name: self.plants[name].client.get(st.ACCOUNTS, name) for name in NAMES}
        return [
            {"member": name, "had": BALANCE, **moved[name], "has": one.balance, "credit": one.credit}
            for name, one in accounts.items()
        ]

    def progress(self, request: str) -> Progress:
        return self.plants["ada"].client.get(st.PROGRESS, request)

    def serve(self, request: str, until: Callable[[Progress], bool]) -> Progress:
        """Everybody does what waits for it, in turn, until the story goes on; silence is waited for."""
        while not until(now := self.progress(request)):
            acted = [self._act(request, member) for member in NAMES]
            if not any(acted):
                phase = open_phase(self.engine, request)
                deadline = phase.deadline if phase else now.deadline
                self.wait(max(1, deadline - self.clock.now))
        return now

    # What a member's node does by itself

    def _act(self, request: str, member: str) -> bool:
        for turn in turns(self.engine, member, self.clock.now):
            if turn.of == request:
                self.clock.now += HOUR // 60
                self.does(member, self._body(member, turn))
                return True
        return False

    def _body(self, member: str, turn: Turn) -> tx.Body:
        plant, request = self.plants[member], turn.of
        progress = self.progress(request)
        match turn.do:
            case "post" if turn.phase == "judge":
                values, salt = self._judge(plant, member, request), os.urandom(32)
                plant.sealed = values, salt
                sealed = tx.score_commitment(request, turn.round, turn.phase, member, values, salt)
                return tx.Post(request, turn.round, turn.phase, tx.Committed(sealed))
            case "post" if turn.phase == "combine":
                of_round = [value for (round_, _), value in self.trained.items() if round_ == turn.round]
                average = sum(of_round) // len(of_round)
                return tx.Post(request, turn.round, turn.phase, self._model(member, turn, average))
            case "post":
                self.trained[turn.round, member] = value = noisy_mean(plant.training)
                return tx.Post(request, turn.round, turn.phase, self._model(member, turn, value))
            case "reveal":
                return tx.Reveal(request, turn.round, turn.phase, *plant.sealed)
            case "record":
                return tx.PostRecord(request, progress.model, self.figure(plant, progress))
            case _:
                return tx.Approve(request, self.figure(plant, progress))

    def figure(self, plant: Plant, progress: Progress) -> int:
        return agreement(self.models[progress.model], plant.measured)

    def _judge(self, plant: Plant, member: str, request: str) -> tuple[tx.Score, ...]:
        """One noisy measurement on one's own judging rows; every score follows from it."""
        plant.measured = noisy_mean(plant.judging)
        phase, progress = open_phase(self.engine, request), self.progress(request)
        judged = [] if phase is None else [(phase.round, one) for one in phase.subjects if one != member]
        values = [self.models[progress.model], *(self.trained[one] for one in judged)]
        return tuple(tx.Score(agreement(value, plant.measured)) for value in values)

    def _model(self, member: str, turn: Turn, value: int) -> tx.Model:
        """A payload begins with member, request and round: its hash is a commitment bound to them."""
        content = f"{member} {turn.of} {turn.round} {turn.phase} {value}".encode()
        self.models[digest(content)] = value
        payload = tx.Payload(len(content), digest(content), digest(b"sealed", content), digest(b"1", content))
        return tx.Model(payload, rows=ROWS)

    def _listen(self, block: Committed) -> None:
        self.notices += block.notices
        for receipt in block.receipts:
            self.notices += receipt.notices


def noisy_mean(rows: list[int]) -> int:
    """The mean in parts per million; on the sum lies noise of SIGMA times what one row can change."""
    return (sum(rows) + discrete_gaussian(SIGMA * MILLION)) // len(rows)


def discrete_gaussian(sigma: int) -> int:
    """Exact Gaussian noise on the integers (Canonne, Kamath and Steinke 2020, algorithm 3)."""
    scale = sigma + 1
    while True:
        drawn = _discrete_laplace(scale)
        if _happens((abs(drawn) * scale - sigma**2) ** 2, 2 * sigma**2 * scale**2):
            return drawn


def _discrete_laplace(scale: int) -> int:
    while True:
        rest, whole, sign = randbelow(scale), 0, randbelow(2)
        if not _happens(rest, scale):
            continue
        while _happens(1, 1):
            whole += 1
        drawn = rest + scale * whole
        if drawn or not sign:
            return -drawn if sign else drawn


def _happens(numerator: int, denominator: int) -> bool:
    """True with probability e^(-numerator / denominator)."""
    while numerator > denominator:
        if not _happens(1, 1):
            return False
        numerator -= denominator
    tries = 1
    while randbelow(denominator * tries) < numerator:
        tries += 1
    return tries % 2 == 1


def agreement(value: int, measured: int) -> int:
    """How well a model agrees with what a judge measured: a million when fully."""
    return MILLION - abs(value - measured)
