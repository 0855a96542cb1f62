"""Several chains on one clock, and what each of them shows to the others: headers, signed, and proofs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from tallystick.base import light
from tallystick.engines.storage.tree import StateTree
from tallystick.ledger.state import GRANTS, MEMBERS, MESSAGES, REQUESTS
from tallystick.ledger.transactions import ChainTerms, Deliver, Freeze
from tests.base.small_chain import commit_to, header_of, members
from tests.ledger.world import CHAIN, DAY, HOUR, World

NORTH = "north"  # the sub-chain, where there is only that
OPERATOR = "opr"  # its only founder
SIGNERS: dict[str, tuple[light.Validator, ...]] = {CHAIN: members(0), NORTH: members(1)}
SHOWN: dict[str, Any] = {"message": MESSAGES, "request": REQUESTS, "member": MEMBERS, "grant": GRANTS}


def terms(chain: str, **more: Any) -> ChainTerms:
    """What the members of a chain let it hold of another's."""
    signers = tuple((signer.public, signer.power) for signer in SIGNERS[chain])
    settled = {"escrow_cap": 10_000, "settling": 10 * DAY, "refunding": 30 * DAY, "fresh": HOUR, **more}
    return ChainTerms(chain, signers, **settled)


@dataclass
class Speaker:
    """A world as its validators sign it: headers of its newest state, and proofs of what that holds."""

    world: World
    signers: tuple[light.Validator, ...]
    tree: StateTree
    applied: int = 0  # of the world's history
    made: int = 0  # headers: each is another block's, and later

    @classmethod
    def of(cls, world: World) -> Speaker:
        tree = StateTree.build(world.reader.records.items())
        return cls(world, SIGNERS[world.genesis.chain], tree, len(world.history))

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

    def shown(self, about: Any = "header", of: str = "", to: str = "", **changes: Any) -> Deliver:
        """What a carrier shows to another chain."""
        header = self.signed(**changes)
        if about == "header":
            return Deliver(self.world.genesis.chain, header)
        table = SHOWN[about]
        key = (table.key(to, of) if about == "message" else table.key(of)).encode()
        value, proof = self.world.reader.get(key), self.tree.prove(key)
        return Deliver(self.world.genesis.chain, header, about, of, value, proof)

    def contradiction(self, at: int, **changes: Any) -> Freeze:
        """Two headers of one height, both signed."""
        lie = {"height": at, "app_hash": b"\x01" * 32, **changes}
        return Freeze(self.world.genesis.chain, self.signed(height=at), self.signed(**lie))


@dataclass
class Chains:
    """Worlds on one clock, each with who speaks for it."""

    worlds: dict[str, World]
    speakers: dict[str, Speaker]

    @classmethod
    def of(cls, *worlds: World) -> Self:
        by_name = {world.genesis.chain: world for world in worlds}
        chains = cls(by_name, {name: Speaker.of(world) for name, world in by_name.items()})
        chains.together()
        return chains

    def together(self) -> None:
        """The same time on every chain."""
        now = max(world.time for world in self.worlds.values())
        for world in self.worlds.values():
            world.time = now

    def wait(self, milliseconds: int) -> None:
        """Time passes on every chain, and what is due comes due."""
        self.together()
        for world in self.worlds.values():
            world.wait(milliseconds)
        self.together()

    def shown(self, source: str, about: Any = "header", of: str = "", to: str = "", **more: Any) -> Deliver:
        """What a carrier shows of one chain to another."""
        self.together()
        return self.speakers[source].shown(about, of, to, **more)
