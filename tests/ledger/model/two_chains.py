"""Random histories of two chains: requests leave, come home or are lost; and lies about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any

from msgspec.structs import replace

from tallystick.base.ids import ROLES, derived_id
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Founder, Genesis, Limits
from tallystick.ledger.views.chains import Waiting, to_carry
from tests.ledger.chains_world import NORTH, OPERATOR, Chains, terms
from tests.ledger.memory import due_times
from tests.ledger.model import moves
from tests.ledger.model.actors import Players
from tests.ledger.model.agreements import PURPOSE
from tests.ledger.model.people import FULL, founders
from tests.ledger.observed import ensure
from tests.ledger.world import CHAIN, START, TAGS, World, encryption_key_of, key_of

STRANGER = "fay"  # the sub-chain's operator has her key there: she cannot serve on it
FRESH, SETTLING = 50_000, 2_000_000
STEPS, MOST = 110, 3
LOST = 2_000  # blocks after which a request that lives has not ended
LIMITS = Limits(vote_wait=20_000)
Way = Callable[["Abroad"], tuple[str, str, tx.Body] | None]
WAYS: dict[tuple[str, str], Way] = {}  # see refusals/two_chains
RARE = (("Deliver", "StaleView"), ("Deliver", "UnknownMember"), ("Reveal", "StaleView"))


def trust(chain: str) -> tx.ChainTerms:
    """Terms by which a chain soon knows too little of the other, and soon takes an escrow back."""
    return terms(chain, escrow_cap=3_000, settling=SETTLING, refunding=1_000_000, fresh=FRESH)


@dataclass
class Abroad(Chains):
    """Two chains on one clock, those who act on them, and whoever carries between them."""

    players: dict[str, Players]
    rng: Random
    met: Counter[tuple[str, str]] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)

    def send(self, chain: str, member: str, body: tx.Body, expects: str = "") -> str:
        """One transaction in a block of its own; what it met."""
        self.together()
        world = self.worlds[chain]
        due = any(time <= world.time for time in due_times(world.reader))
        receipt = world.block(world.sent(member, body)).receipts[0]
        kind = type(body).__name__ if receipt.member else "Envelope"
        self.met[kind, receipt.refusal] += 1
        ensure(due or not expects or receipt.refusal == expects, body, "was to meet", expects, "met", receipt)
        return str(receipt.refusal)

    # --- what a chain shows -----------------------------------------------------------------------

    def carried(self, source: str, about: Any = "header", of: str = "", **changes: Any) -> tx.Deliver:
        """What one chain shows to the other."""
        return self.shown(source, about, of, NORTH if source == CHAIN else CHAIN, **changes)

    def waiting(self, source: str) -> tuple[Waiting, ...]:
        self.together()
        target = NORTH if source == CHAIN else CHAIN
        records = self.worlds[source].reader, self.worlds[target].reader
        return to_carry(*records, self.worlds[source].time)

    # --- steps ------------------------------------------------------------------------------------

    def step(self) -> None:
        kinds = (self.carry, self.serve, self.ask, self.provoke, self.clock, self.disturb)
        self.rng.choices(kinds, (34, 56, 4, 8, 3, 2))[0]()

    def carry(self) -> None:
        """Somebody carries a few of the things that wait, in their order or not."""
        source = self.rng.choice((CHAIN, NORTH))
        waiting = list(self.waiting(source))
        if self.rng.random() < 0.1:
            self.rng.shuffle(waiting)
        for thing in waiting[: self.rng.choice((1, 2, 5, 9))]:
            target, carrier = (NORTH, OPERATOR) if source == CHAIN else (CHAIN, "ada")
            body = self.carried(source, thing.about, thing.of)
            self.send(target, carrier, body)
            if self.rng.random() < 0.1:  # another carrier brings the very same
                again = self.send(target, carrier, body)
                ensure(again, body, "was taken twice")

    def serve(self) -> None:
        """Somebody does its duty on one of the chains; where nobody has any, time passes."""
        for chain in self.rng.sample((CHAIN, NORTH), 2):
            players = self.players[chain]
            live = [name for name in players.live() if players.progress(name).stage != "away"]
            for name in self.rng.sample(live, len(live)):
                duties = [duty for duty in players.duties(name) if duty[0] != STRANGER]
                if duties:
                    member, body = self.rng.choice(duties)
                    made = body()
                    agreed = replace(made, chain=NORTH) if isinstance(made, tx.Apply) else made
                    self.send(chain, member, agreed)
                    return
        self.clock()

    def ask(self) -> None:
        """A request for the other chain, by rules that can run there."""
        if len(self.players[CHAIN].live()) < MOST:
            self.send(CHAIN, *elsewhere(self, self.rng.choice(FULL[:5])))

    def clock(self) -> None:
        self.together()
        chain = self.rng.choice((CHAIN, NORTH))
        times = due_times(self.worlds[chain].reader)
        late = self.rng.choice((0, 0, 1, -1, 5_000))
        far = self.rng.random() < 0.01
        wait = SETTLING if far else times[0] - self.worlds[chain].time + late if times else 2_000
        self.worlds[chain].time += max(0, min(wait, SETTLING))
        self.together()
        for world in self.worlds.values():
            world.block()

    def disturb(self) -> None:
        """A grant is taken back, a member leaves, a chain contradicts itself and is trusted anew."""
        chance = self.rng.random()
        if chance < 0.3:
            found = moves.revoke(self.players[CHAIN])
            chain = CHAIN
        elif chance < 0.9:
            found, chain = moves.leave(self.players[NORTH]), NORTH
        else:
            self.freeze()
            return
        if found:
            self.send(chain, *found)

    def freeze(self) -> None:
        if self.frozen():
            return
        self.send(CHAIN, "bob", contradiction(self))
        if self.rng.random() < 0.7:
            self.decide(tx.RegisterChain(trust(NORTH)))

    def frozen(self) -> bool:
        other = self.worlds[CHAIN].reader.find(st.OTHER_CHAINS, NORTH)
        return other is not None and other.frozen

    def decide(self, change: tx.Change) -> None:
        world = self.worlds[CHAIN]
        number = world.next_number("ada")
        self.send(CHAIN, "ada", tx.Propose(change))
        for member in FULL:
            self.send(CHAIN, member, tx.Vote(derived_id("proposal", "ada", number), True))
        self.worlds[CHAIN].block()

    def provoke(self) -> None:
        rare = [pair for pair in RARE if self.rng.random() < 0.5]
        for pair in [*rare, *self.rng.sample(list(WAYS), len(WAYS))]:
            found = WAYS[pair](self)
            if found is not None:
                self.send(*found, expects=pair[1])
                return

    # --- the end ----------------------------------------------------------------------------------

    def run_out(self) -> None:
        """Nobody acts and nobody carries: by the clock alone every escrow comes back, and nothing is left."""
        for chain, world in self.worlds.items():
            for _ in range(LOST):
                times = due_times(world.reader)
                if not times:
                    break
                world.time = max(world.time, times[0])
                world.block()
            ensure(not due_times(world.reader), chain, "still due:", world.reader.all(st.DUE))
            world.check_all()
        main, north = (self.worlds[name].reader for name in (CHAIN, NORTH))
        owned = sum(account.balance for account in main.all(st.ACCOUNTS).values())
        ensure(owned + main.chain.pool == main.chain.issued, owned, "are left of", main.chain.issued)
        ensure(
            not any(account.balance for account in north.all(st.ACCOUNTS).values()), "money on the sub-chain"
        )
        tables: tuple[st.StateTable[Any], ...] = (st.RESERVATIONS, st.PLACES, st.MESSAGES)
        for table in tables:
            ensure(not main.all(table), "left on the main chain:", main.all(table))
        for progress in main.all(st.PROGRESS).values():
            ensure(progress.stage in ("settled", "refunded"), "still", progress)
            self.ended[progress.stage] += 1
        self._agree(main, north)

    def _agree(self, main: Any, north: Any) -> None:
        """A record on the main chain is the one that was made elsewhere."""
        for key, record in main.all(st.RECORDS).items():
            ensure(record == north.all(st.RECORDS).get(key), key, "has another record than was made")


def contradiction(a: Abroad, **changes: Any) -> tx.Freeze:
    """Two headers of one height, both signed."""
    a.together()
    return a.speakers[NORTH].contradiction(2 * a.speakers[NORTH].made + 50, **changes)


def elsewhere(a: Abroad, member: str, reward: int = 0) -> tuple[str, tx.PostRequest]:
    """A request for the sub-chain, by rules that mostly can run there."""
    scheme = a.rng.choice(("mutual", "boosting", "relay", "last", "averaging"))
    _, body = moves.request(a.players[CHAIN], scheme, reward=reward)
    assert isinstance(body, tx.PostRequest)
    rules = body.rules
    form = replace(
        rules.forming, bench=0, minimum_credit=0, amount=0, candidates="all", team="", order="value",
        deposit=min(50, rules.forming.deposit),
    )  # fmt: skip
    return member, replace(body, rules=replace(rules, forming=form), chain=NORTH)


# --- beginnings ---------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def scene(place: int) -> tuple[World, World]:
    """Two chains just founded: units with grants on the main one, which has registered the other by vote."""
    rng = Random(f"abroad {place}")
    members = founders(10_000)
    supply = sum(member.balance for member in members)
    operator = Founder(OPERATOR, key_of(STRANGER).public, encryption_key_of(OPERATOR), ROLES, 0)
    main = World(genesis=Genesis(CHAIN, START, supply, members, limits=LIMITS), schemes=TAGS)
    north = World(
        genesis=Genesis(NORTH, START, 0, (operator,), limits=LIMITS, main=trust(CHAIN)), schemes=TAGS
    )
    players = Players(main, rng)
    for member in FULL[:5]:
        described = moves.described(players, f"unit-of-{member}", terms=tx.Terms(unaccounted=True))
        described = replace(described, budget=tx.PrivacyBudget(moves.AMPLE, 10**6, "record"))
        main.block(main.sent(member, described))
    for _, unit in sorted(main.reader.all(st.UNITS).items()):
        given = tx.GiveGrant(unit.unit, "*", PURPOSE, 1_000, moves.FAR)
        main.block(main.sent(unit.owner, given))
    number = main.next_number("ada")
    main.block(main.sent("ada", tx.Propose(tx.RegisterChain(trust(NORTH)))))
    for member in FULL:
        main.block(main.sent(member, tx.Vote(derived_id("proposal", "ada", number), True)))
    main.block()
    return main, north


def abroad_of(seed: int) -> Abroad:
    """The beginning of a history of two chains."""
    rng = Random(f"abroad history {seed}")
    chains = Chains.of(*(world.twin() for world in scene(seed % 8)))
    players = {name: Players(world, rng) for name, world in chains.worlds.items()}
    return Abroad(chains.worlds, chains.speakers, players, rng)


def play(history: Abroad, steps: int = STEPS) -> Abroad:
    """All steps of a history of two chains, and its end."""
    history.ask()
    for _ in range(steps):
        history.step()
    history.run_out()
    return history
