"""A main chain and its sub-chains on embedded engines, with one clock and everybody's keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from tallystick.base.events import Gaussian
from tallystick.base.ids import derived_id
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Genesis, Limits
from tallystick.ledger.transition import Receipt
from tallystick.ledger.views import open_phase
from tests.ledger.disk_world import DiskWorld
from tests.ledger.world import DAY, HOUR, SECOND, START, founder, hashed, key_of

T = TypeVar("T")

MAIN = "main"
PEOPLE = ("ada", "bob", "cleo", "dan", "eve", "fay", "gus", "hal")
CARRIER = "carrier"
PURPOSE = "maintenance"
REWARD, DEPOSIT, BALANCE = 100, 20, 1_000_000
FIGURE = 700_000
AT_ONCE = 200  # of one member, fewer than its numbers may be ahead
LIMITS = Limits(vote_wait=DAY, block_weight=200_000, member_weight=100_000)
NOISE = ru.EventRule("record", Gaussian(3_000, 1), Gaussian(6_000, 1))
RULES = ru.Rules(
    ru.Forming(2, 2, 60 * SECOND, deposit=DEPOSIT),
    (ru.PhaseRule("train", "everyone", "model", 60 * SECOND, rows="training", event=NOISE),),
    ru.Stopping(1, HOUR),
    "train",
    paying=ru.Paying(weight="equal"),
    electing=ru.Electing(wait=60 * SECOND, approve_wait=60 * SECOND),
)


def batched(asked: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(asked)
    return iter(lambda: list(islice(source, size)), [])


@dataclass
class Consortium:
    """All chains; time passes only where a case lets it."""

    folder: Path
    sizes: dict[str, int]  # sub-chain: how many sign it
    terms: dict[str, Any] = field(default_factory=dict)
    chains: dict[str, DiskWorld] = field(default_factory=dict)

    def begin(self) -> None:
        """Found the main chain and the others, and have them registered by vote."""
        everybody = tuple(founder(name, BALANCE) for name in (*PEOPLE, CARRIER))
        self._found(MAIN, 1, Genesis(MAIN, START, 2**50, everybody, limits=LIMITS))
        for name, signers in self.sizes.items():
            main = self.terms_of(MAIN)
            operator = (founder(CARRIER, 0),)
            self._found(name, signers, Genesis(name, START, 0, operator, limits=LIMITS, main=main))
        for name in self.sizes:
            proposal = self.chains[MAIN].decide(tx.RegisterChain(self.terms_of(name)))
            assert self.chains[MAIN].get(st.PROPOSALS, proposal).stage == "effective"
        self.together()

    def _found(self, name: str, signers: int, genesis: Genesis) -> None:
        keys = [key_of(f"{name} {number}") for number in range(signers)]
        self.chains[name] = DiskWorld(self.folder / name, genesis, keys)

    def terms_of(self, name: str) -> tx.ChainTerms:
        signers = self.chains[name].signers if name in self.chains else ()
        named = tuple((key.public, 1) for key in signers)
        return tx.ChainTerms(name, named, **{"escrow_cap": BALANCE, **self.terms})

    # --- transactions -----------------------------------------------------------------------------

    def do(self, chain: str, asked: Iterable[tuple[str, tx.Body]]) -> list[Receipt]:
        """Transactions in as few blocks as they fit into, waited for."""
        self.together()
        world, receipts = self.chains[chain], list[Receipt]()
        for batch in batched(asked, AT_ONCE):
            receipts += world.block(*(world.sealed(member, body) for member, body in batch)).receipts
        return receipts

    def done(self, chain: str, asked: Iterable[tuple[str, tx.Body]]) -> None:
        """The same, and all must be taken."""
        for receipt in self.do(chain, asked):
            assert receipt.code == 0, receipt

    # --- time ---------------------------------------------------------------------------------------

    @property
    def time(self) -> int:
        """The newest time of any chain: blocks are a little ahead of a clock that stands."""
        return max(world.time for world in self.chains.values())

    def together(self, later: int = 0) -> None:
        """The same time on every chain, so much later."""
        now = self.time + later
        for world in self.chains.values():
            world.time = now

    def wait(self, milliseconds: int) -> None:
        """Time passes on every chain; what is due comes due, and every chain has a header of now."""
        self.together(milliseconds)
        for name in self.chains:
            self.do(name, [(CARRIER, tx.Nudge())])

    def close(self) -> None:
        for world in self.chains.values():
            world.engine.close()

    # --- members ----------------------------------------------------------------------------------

    def offer_units(self) -> dict[str, tx.UnitUse]:
        """A unit of everybody's, with a grant for anyone."""
        uses = {}
        for name in PEOPLE:
            number = self.chains[MAIN].number_of(name)
            unit, grant = derived_id("unit", name, number), derived_id("grant", name, number + 1)
            described = tx.RegisterUnit(
                "pumps",
                tx.Profile("vibration", "table", 1_000, hashed("schema")),
                hashed(name, "training"),
                hashed(name, "judging"),
                "https://data.example",
                tx.Sketch(1, b""),
                tx.Terms(),
                tx.PrivacyBudget(10**15, 10**6, "record"),
            )
            given = tx.GiveGrant(unit, "*", PURPOSE, 10**6, START + DAY * 4_000)
            self.done(MAIN, [(name, described), (name, given)])
            uses[name] = tx.UnitUse(unit, grant)
        return uses

    def duties(self, chain: str) -> list[tuple[str, str, tx.Body]]:
        """What everybody owes on a sub-chain now: request, member, transaction."""
        world = self.chains[chain]
        owed: list[tuple[str, str, tx.Body]] = []
        for name in [key.decode().partition("/")[2] for key, _ in world.engine.scan(b"team/", 1 << 62)]:
            progress, phase = world.get(st.PROGRESS, name), open_phase(world.engine, name)
            for member in phase.owing if phase else ():
                plain = hashed(name, phase.round, member) if phase else b""
                model = tx.Model(tx.Payload(1_000, plain, hashed(plain, "c"), hashed(plain, "k")), rows=10)
                owed.append((name, member, tx.Post(name, progress.round, "train", model)))
            if progress.stage == "recording":
                recorder = progress.recorders[progress.attempt]
                owed.append((name, recorder, tx.PostRecord(name, progress.model, FIGURE)))
            elif progress.stage == "approving":
                owed += self._approvals(world, name, progress.recorders, progress.attempt)
        return owed

    def _approvals(
        self, world: DiskWorld, name: str, recorders: Sequence[str], attempt: int
    ) -> list[tuple[str, str, tx.Body]]:
        silent = [m for m in recorders if world.find(st.STATEMENTS, name, m) is None]
        return [(name, member, tx.Approve(name, FIGURE)) for member in silent if member != recorders[attempt]]
