"""A main chain and its sub-chains on embedded engines, with one clock and everybody's keys."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from tallystick.base.events import Gaussian
from tallystick.base.ids import ROLES, derived_id, digest
from tallystick.base.keys import SigningKey
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.engine import Answer
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Founder, Genesis, Limits
from tallystick.ledger.views import find, open_phase

T = TypeVar("T")

MAIN, START = "main", 1_700_000_000_000
SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
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


def key_of(name: str) -> SigningKey:
    return SigningKey(digest(b"consortium", name.encode()))


def batched(asked: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(asked)
    return iter(lambda: list(islice(source, size)), [])


def hashed(*parts: object) -> bytes:
    return digest(*(str(part).encode() for part in parts))


@dataclass
class Chain:
    """A ledger on disk, its signers, and the numbers that its members use next."""

    path: Path
    signers: tuple[SigningKey, ...]
    engine: EmbeddedEngine
    numbers: dict[str, int] = field(default_factory=dict)
    opened: int = 0


@dataclass
class Consortium:
    """All chains; time passes only when it is told to."""

    folder: Path
    sizes: dict[str, int]  # sub-chain: how many sign it
    terms: dict[str, Any] = field(default_factory=dict)
    time: int = START
    chains: dict[str, Chain] = field(default_factory=dict)

    def begin(self) -> None:
        """Found the main chain and the others, and have them registered by vote."""
        everybody = tuple(
            Founder(name, key_of(name).public, key_of(name).public, ROLES, BALANCE)
            for name in (*PEOPLE, CARRIER)
        )
        self._found(MAIN, 1, Genesis(MAIN, START, 2**50, everybody, limits=LIMITS))
        for name, signers in self.sizes.items():
            operator = Founder(CARRIER, key_of(CARRIER).public, key_of(CARRIER).public, ROLES, 0)
            main = self.terms_of(MAIN)
            self._found(name, signers, Genesis(name, START, 0, (operator,), limits=LIMITS, main=main))
        for name in self.sizes:
            self.decide(tx.RegisterChain(self.terms_of(name)))

    def _found(self, name: str, signers: int, genesis: Genesis) -> None:
        keys = tuple(key_of(f"{name} {number}") for number in range(signers))
        path = self.folder / name
        self.chains[name] = Chain(path, keys, self._open(path, keys, genesis))

    def _open(self, path: Path, keys: Sequence[SigningKey], genesis: Genesis | None = None) -> EmbeddedEngine:
        return EmbeddedEngine(path, keys=keys, genesis=genesis, clock=lambda: self.time)

    def terms_of(self, name: str) -> tx.ChainTerms:
        signers = self.chains[name].signers if name in self.chains else ()
        named = tuple((key.public, 1) for key in signers)
        return tx.ChainTerms(name, named, **{"escrow_cap": BALANCE, **self.terms})

    def decide(self, change: tx.Change) -> None:
        """Everybody votes for a change, and it takes effect."""
        main = self.chains[MAIN]
        number = self.number(MAIN, PEOPLE[0])
        self.do(MAIN, [(PEOPLE[0], tx.Propose(change))])
        proposal = derived_id("proposal", PEOPLE[0], number)
        self.do(MAIN, [(name, tx.Vote(proposal, True)) for name in (*PEOPLE, CARRIER)])
        self.wait(SECOND)
        assert find(main.engine, st.PROPOSALS, proposal).stage == "effective"  # type: ignore[union-attr]

    # --- transactions -----------------------------------------------------------------------------

    def number(self, chain: str, member: str) -> int:
        """The number that a member uses next on a chain."""
        known = self.chains[chain]
        account = find(known.engine, st.ACCOUNTS, member)
        low = max((account.low, *(number + 1 for number in account.ahead))) if account else 0
        return max(low, known.numbers.get(member, 0))

    def do(self, chain: str, asked: Iterable[tuple[str, tx.Body]]) -> list[Answer]:
        """Transactions in as few blocks as they fit into, waited for."""
        answers: list[Answer] = []
        for some in batched(asked, AT_ONCE):
            answers += self._do(self.chains[chain], chain, some)
        return answers

    def _do(self, known: Chain, chain: str, asked: Sequence[tuple[str, tx.Body]]) -> list[Answer]:
        tickets = []
        for member, body in asked:
            number = self.number(chain, member)
            known.numbers[member] = number + 1
            key = key_of(member)
            until = self.time + 400 * DAY
            envelope = tx.Envelope(tx.FORMAT, chain, member, key.public, number, until, body)  # type: ignore[arg-type]
            tickets.append(known.engine.submit(tx.seal(envelope, key.sign)))
        return [known.engine.wait(ticket) for ticket in tickets]

    def done(self, chain: str, asked: Iterable[tuple[str, tx.Body]]) -> None:
        """The same, and all must be taken."""
        for answer in self.do(chain, asked):
            assert answer.receipt.code == 0, answer.receipt

    def wait(self, milliseconds: int) -> None:
        """Time passes on every chain; what is due comes due, and every chain has a header of now."""
        newest = (chain.engine.status().time for chain in self.chains.values())
        self.time = max(self.time, *newest) + milliseconds  # blocks are a little ahead of a clock that stands
        for name, chain in self.chains.items():
            self.do(name, [(CARRIER, tx.Nudge())])
            chain.engine.tick()

    def crash(self, name: str) -> None:
        """The process of a chain ends at once: another opens what lies on its disk."""
        chain = self.chains[name]
        chain.opened += 1
        image = self.folder / f"{name}-{chain.opened}"
        shutil.copytree(chain.path, image)
        chain.engine.close()
        shutil.rmtree(chain.path)
        chain.path, chain.numbers = image, {}
        chain.engine = self._open(image, chain.signers)

    def close(self) -> None:
        for chain in self.chains.values():
            chain.engine.close()

    # --- members ----------------------------------------------------------------------------------

    def offer_units(self) -> dict[str, tx.UnitUse]:
        """A unit of everybody's, with a grant for anyone."""
        uses = {}
        for name in PEOPLE:
            number = self.number(MAIN, name)
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
        engine, found = self.chains[chain].engine, []
        for name in [key.decode().partition("/")[2] for key, _ in engine.scan(b"team/", 1 << 62)]:
            progress, phase = find(engine, st.PROGRESS, name), open_phase(engine, name)
            assert progress is not None
            body: tx.Body
            for member in phase.owing if phase else ():
                plain = hashed(name, phase.round, member) if phase else b""
                model = tx.Model(tx.Payload(1_000, plain, hashed(plain, "c"), hashed(plain, "k")), rows=10)
                body = tx.Post(name, progress.round, "train", model)
                found.append((name, member, body))
            if progress.stage == "recording":
                recorder = progress.recorders[progress.attempt]
                found.append((name, recorder, tx.PostRecord(name, progress.model, FIGURE)))
            elif progress.stage == "approving":
                for member in progress.recorders:
                    said = find(engine, st.STATEMENTS, name, member) is not None
                    if not said and member != progress.recorders[progress.attempt]:
                        found.append((name, member, tx.Approve(name, FIGURE)))
        return found
