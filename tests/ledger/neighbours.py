"""Two chains in memory, a main one and a sub-chain, and whoever carries what they say to each other."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.transition import Receipt
from tests.ledger.chains_world import NORTH, OPERATOR, Chains, terms
from tests.ledger.play import Play, judge, train
from tests.ledger.story import NOISE, charged, offered, posted
from tests.ledger.world import CHAIN, HOUR, World, founder


class Pair(Chains):
    """A main chain and one beside it."""

    @property
    def main(self) -> World:
        return self.worlds[CHAIN]

    @property
    def north(self) -> World:
        return self.worlds[NORTH]

    def to_north(self, about: str = "header", of: str = "", **changes: Any) -> tx.Deliver:
        return self.shown(CHAIN, about, of, NORTH, **changes)

    def to_main(self, about: str = "header", of: str = "", **changes: Any) -> tx.Deliver:
        return self.shown(NORTH, about, of, CHAIN, **changes)

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
        assert all(account.balance == 0 for account in self.north.scan(st.ACCOUNTS))
        places = sum(place.deposit for place in self.main.scan(st.PLACES))
        waiting = sum(waits.locked for waits in self.main.scan(st.APPLICATIONS))
        escrows = sum(progress.escrow for progress in self.main.scan(st.PROGRESS))
        return sum(account.balance for account in self.main.scan(st.ACCOUNTS)) + places + waiting + escrows


def pair(**more: Any) -> Pair:
    """A main chain whose members have let requests run on a sub-chain of one validator."""
    main = World()
    north = World(founder(OPERATOR, 0), chain=NORTH, main=terms(CHAIN, **more))
    main.decide(tx.RegisterChain(terms(NORTH, **more)))
    return Pair.of(main, north)


def short(size: int = 2, rounds: int = 1, **more: Any) -> ru.Rules:
    return charged(size, rounds, **more)


def hidden(size: int = 2, rounds: int = 1) -> ru.Rules:
    """The scores are committed to before they are revealed."""
    return charged(size, rounds, phases=(train(rows="training", event=NOISE), judge()))


def sent(pair: Pair, rules: ru.Rules | None = None) -> str:
    """A request of dan's whose team, ada and bob, has formed on the main chain and left for the other."""
    main = pair.main
    uses = {name: offered(main, name) for name in ("ada", "bob")}
    request = posted(main, rules or short(), chain=NORTH)
    for name, use in uses.items():
        main.did(name, tx.Apply(request, units=(use,), chain=NORTH))
    main.wait(HOUR)
    assert main.get(st.PROGRESS, request).stage == "away", main.get(st.PROGRESS, request)
    return request


def sent_again(pair: Pair) -> str:
    """Another request by the same team on the same grants."""
    main = pair.main
    request = posted(main, short(), chain=NORTH)
    for grant in main.scan(st.GRANTS):
        use = tx.UnitUse(grant.unit, grant.grant)
        main.did(grant.owner, tx.Apply(request, units=(use,), chain=NORTH))
    main.wait(HOUR)
    return request


def contradiction(pair: Pair, **changes: Any) -> tx.Freeze:
    """Two headers of one height, both signed."""
    pair.together()
    return pair.speakers[NORTH].contradiction(50, **changes)


def opened(pair: Pair, rules: ru.Rules | None = None) -> Play:
    """The same, and its rounds have begun on the sub-chain."""
    request = sent(pair, rules)
    pair.introduce("ada", "bob", "dan")
    pair.tell_north("message", request)
    return Play(pair.north, request)


def ended(pair: Pair, rules: ru.Rules | None = None) -> str:
    """The same, and its record stands on the sub-chain."""
    play = opened(pair, rules)
    play.run()
    return play.request


def member_of(pair: Pair, name: str, **changes: Any) -> Any:
    """A member of the main chain, changed by a vote there that nobody need cast."""
    world = pair.main
    member = replace(world.get(st.MEMBERS, name), **changes)
    writes = {st.MEMBERS.key(name).encode(): st.MEMBERS.encode(member)}
    world.reader.write(writes)
    pair.speakers[CHAIN].root()
    pair.speakers[CHAIN].tree.update(writes)
    return member
