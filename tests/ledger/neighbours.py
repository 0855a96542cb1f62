"""Two chains in memory, a main one and a sub-chain, and whoever carries what they say to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from tallystick.base import light
from tallystick.engines.storage.tree import StateTree
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import first_writes
from tallystick.ledger.transactions import ChainTerms
from tallystick.ledger.transition import Receipt
from tests.base.small_chain import commit_to, header_of, members
from tests.ledger.play import Play
from tests.ledger.story import NOISE, charged, judge, offered, posted, train
from tests.ledger.world import CHAIN, DAY, HOUR, World, founder

NORTH = "north"
SIGNERS = {CHAIN: members(0), NORTH: members(1)}
OPERATOR = "opr"
TABLES = {"message": st.MESSAGES, "request": st.REQUESTS, "member": st.MEMBERS, "grant": st.GRANTS}


def terms(chain: str, **more: Any) -> ChainTerms:
    signers = tuple((one.public, one.power) for one in SIGNERS[chain])
    settled = {"escrow_cap": 10_000, "settling": 10 * DAY, "refunding": 30 * DAY, "fresh": HOUR, **more}
    return ChainTerms(chain, signers, **settled)


@dataclass
class Speaker:
    """A world as its validators sign it: headers of its newest state, and proofs of what that holds."""

    world: World
    signers: tuple[light.Validator, ...]
    tree: StateTree
    applied: int = 0
    made: int = 0  # headers: each is another block's, and later

    @classmethod
    def of(cls, world: World) -> Speaker:
        tree = StateTree.build(first_writes(world.genesis).items())
        return cls(world, SIGNERS[world.genesis.chain], tree)

    def root(self) -> bytes:
        for _, _, outcome in self.world.history[self.applied :]:
            self.tree.update(outcome.writes)
        self.applied = len(self.world.history)
        return self.tree.root

    def header(self, following: Any = None, **changes: Any) -> light.Header:
        world = self.world
        self.made += 1
        now = {
            "chain": world.genesis.chain,
            "height": 2 * self.made,
            "time": world.time * 10**6 + self.made,
            "app_hash": self.root(),
        }
        return header_of(self.signers, following, **{**now, **changes})

    def signed(self, following: Any = None, signers: Any = None, **changes: Any) -> bytes:
        header = self.header(following, **changes)
        commit = commit_to(header, self.signers, signers)
        return light.SIGNED_HEADER.encode(light.SignedHeader(header, commit, self.signers))

    def shown(self, about: str = "header", of: str = "", to: str = "", **changes: Any) -> tx.Deliver:
        """What a carrier shows to another chain."""
        header = self.signed(**changes)
        if about == "header":
            return tx.Deliver(self.world.genesis.chain, header)
        table = TABLES[about]
        key = (table.key(to, of) if about == "message" else table.key(of)).encode()
        value, proof = self.world.reader.get(key), self.tree.prove(key)
        return tx.Deliver(self.world.genesis.chain, header, about, of, value, proof)  # type: ignore[arg-type]


@dataclass
class Pair:
    """The two chains on one clock."""

    main: World
    north: World
    speakers: dict[str, Speaker] = field(default_factory=dict)

    def together(self) -> None:
        self.main.time = self.north.time = max(self.main.time, self.north.time)

    def wait(self, milliseconds: int) -> None:
        self.together()
        for world in (self.main, self.north):
            world.time += milliseconds
            world.block()
        self.together()

    def to_north(self, about: str = "header", of: str = "", **changes: Any) -> tx.Deliver:
        self.together()
        return self.speakers[CHAIN].shown(about, of, NORTH, **changes)

    def to_main(self, about: str = "header", of: str = "", **changes: Any) -> tx.Deliver:
        self.together()
        return self.speakers[NORTH].shown(about, of, CHAIN, **changes)

    def tell_north(self, about: str = "header", of: str = "") -> Receipt:
        return self.north.did(OPERATOR, self.to_north(about, of))

    def tell_main(self, about: str = "header", of: str = "") -> Receipt:
        return self.main.did("cleo", self.to_main(about, of))

    def introduce(self, *names: str) -> None:
        for name in names:
            self.tell_north("member", name)
            self.north.keys[name] = self.main.keys[name]

    def total(self) -> int:
        """Everything there is on both chains; only the main one may hold any of it."""
        assert all(one.balance == 0 for one in self.north.scan(st.ACCOUNTS))
        places = sum(place.deposit for place in self.main.scan(st.PLACES))
        waiting = sum(one.locked for one in self.main.scan(st.APPLICATIONS))
        escrows = sum(one.escrow for one in self.main.scan(st.PROGRESS))
        return sum(one.balance for one in self.main.scan(st.ACCOUNTS)) + places + waiting + escrows


def pair(**more: Any) -> Pair:
    """A main chain whose members have let requests run on a sub-chain of one validator."""
    main = World()
    north = World(founder(OPERATOR, 0), chain=NORTH, main=terms(CHAIN, **more))
    main.decide(tx.RegisterChain(terms(NORTH, **more)))
    found = Pair(main, north, {CHAIN: Speaker.of(main), NORTH: Speaker.of(north)})
    found.together()
    return found


def short(size: int = 2, rounds: int = 1, **more: Any) -> ru.Rules:
    return charged(size, rounds, **more)


def hidden(size: int = 2, rounds: int = 1) -> ru.Rules:
    """The scores are committed to before they are revealed."""
    return charged(size, rounds, phases=(train(rows="training", event=NOISE), judge()))


def sent(found: Pair, rules: ru.Rules | None = None) -> str:
    """A request of dan's whose team, ada and bob, has formed on the main chain and left for the other."""
    main = found.main
    uses = {name: offered(main, name) for name in ("ada", "bob")}
    request = posted(main, rules or short(), chain=NORTH)
    for name, use in uses.items():
        main.did(name, tx.Apply(request, units=(use,), chain=NORTH))
    main.wait(HOUR)
    assert main.get(st.PROGRESS, request).stage == "away", main.get(st.PROGRESS, request)
    return request


def sent_again(found: Pair) -> str:
    """Another request by the same team on the same grants."""
    main = found.main
    request = posted(main, short(), chain=NORTH)
    for grant in main.scan(st.GRANTS):
        use = tx.UnitUse(grant.unit, grant.grant)
        main.did(grant.owner, tx.Apply(request, units=(use,), chain=NORTH))
    main.wait(HOUR)
    return request


def contradiction(found: Pair, **changes: Any) -> tx.Freeze:
    """Two headers of one height, both signed."""
    found.together()
    speaker = found.speakers[NORTH]
    other = speaker.signed(**{"height": 50, "app_hash": b"\x01" * 32, **changes})
    return tx.Freeze(NORTH, speaker.signed(height=50), other)


def opened(found: Pair, rules: ru.Rules | None = None) -> Play:
    """The same, and its rounds have begun on the sub-chain."""
    request = sent(found, rules)
    found.introduce("ada", "bob", "dan")
    found.tell_north("message", request)
    return Play(found.north, request)


def ended(found: Pair, rules: ru.Rules | None = None) -> str:
    """The same, and its record stands on the sub-chain."""
    play = opened(found, rules)
    play.run()
    return play.request


def member_of(found: Pair, name: str, **changes: Any) -> Any:
    """A member of the main chain, changed by a vote there that nobody need cast."""
    world = found.main
    member = replace(world.get(st.MEMBERS, name), **changes)
    writes = {st.MEMBERS.key(name).encode(): st.MEMBERS.encode(member)}
    world.reader.write(writes)
    found.speakers[CHAIN].root()
    found.speakers[CHAIN].tree.update(writes)
    return member
