"""A consortium of four chains whose carriers lie and engines crash, and of which one contradicts itself."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace

from benchmarks.consortium import BALANCE, CARRIER, MAIN, PEOPLE, PURPOSE, REWARD, RULES, Consortium
from tallystick.base import light
from tallystick.base.ids import derived_id
from tallystick.engines.export import export, verify
from tallystick.ledger import transactions as tx
from tallystick.ledger.invariants import broken
from tallystick.ledger.notices import RequestEnded
from tallystick.ledger.state import ACCOUNTS, LINEAGES, PROGRESS
from tallystick.ledger.views import chain as figures
from tallystick.ledger.views import every, to_carry
from tallystick.node.carrier import shown
from tests.ledger.world import HOUR, hashed, key_of

WAVE = 25  # requests at a time
SUB_CHAINS = {"east": 4, "north": 1, "west": 1}  # how many sign each
FROZEN = "west"  # its validators contradict themselves after two thirds of the requests
TERMS = {"settling": 2 * HOUR, "refunding": 6 * HOUR, "fresh": HOUR}
TURNS = 9  # in a wave: everybody serves, carriers carry, time passes
SILENT, WITHHELD, FORGED, AGAIN, OLD, CRASH = 0.05, 0.04, 0.2, 0.2, 0.2, 0.12


@dataclass
class Chaos:
    """A consortium and everything that goes wrong with what its chains say to each other."""

    all: Consortium
    rng: Random
    uses: dict[str, tx.UnitUse]
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    withheld: set[str] = field(default_factory=set)  # of these nobody carries anything
    silent: set[tuple[str, str]] = field(default_factory=set)  # request, member
    kept: list[tuple[str, tx.Deliver]] = field(default_factory=list)  # what was carried, and to where
    frozen: bool = False

    # --- a wave of requests -----------------------------------------------------------------------

    def wave(self, count: int, freeze: bool) -> None:
        self.ask(count)
        self.all.wait(61_000)
        for turn in range(TURNS):
            if freeze and turn == 1:  # its requests have begun and none has come home
                self.freeze()
            for name in SUB_CHAINS:
                self.carry(MAIN, name)
                self.serve(name)
                self.carry(name, MAIN)
            if self.rng.random() < CRASH * 4:
                self.all.chains[self.rng.choice((MAIN, *SUB_CHAINS))].crash()
                self.counts["crashes of engines"] += 1
            self.all.wait(self.rng.choice((1_000, 1_000, 20_000, 61_000)))
        self.check()

    def ask(self, count: int) -> None:
        asked: list[tuple[str, tx.Body]] = []
        applied: list[tuple[str, tx.Body]] = []
        next_number: dict[str, int] = {}
        for _ in range(count):
            member, *team = self.rng.sample(PEOPLE, 3)
            chain = self.rng.choice([name for name in SUB_CHAINS if not (self.frozen and name == FROZEN)])
            body = tx.PostRequest("pumps", PURPOSE, hashed("p"), REWARD, RULES, hashed("r"), chain=chain)
            number = next_number.get(member, self.all.chains[MAIN].number_of(member))
            next_number[member] = number + 1
            name = derived_id("request", member, number)
            asked.append((member, body))
            applied += [(m, tx.Apply(name, units=(self.uses[m],), chain=chain)) for m in team]
            self.requests.append(name)
            if self.rng.random() < WITHHELD:
                self.withheld.add(name)
            self.silent.update((name, m) for m in team if self.rng.random() < SILENT)
        self.all.done(MAIN, asked)
        self.all.done(MAIN, applied)

    def serve(self, chain: str) -> None:
        duties = self.all.duties(chain)
        willing = [(member, body) for name, member, body in duties if (name, member) not in self.silent]
        self.all.do(chain, willing)

    # --- carrying, and what goes wrong with it ----------------------------------------------------

    def carry(self, source: str, target: str) -> None:
        """A carrier shows what waits; it may die in between, lie, repeat itself, or come late."""
        chains = self.all.chains
        waiting = to_carry(chains[source].engine, chains[target].engine, chains[source].engine.status().time)
        for thing in waiting:
            if thing.of in self.withheld:
                continue
            if self.rng.random() < CRASH:
                self.counts["crashes of carriers"] += 1
                return
            body = shown(chains[source].engine, target, thing)
            if self.rng.random() < FORGED:
                self.expect_refused("forged", target, self.forged(source, target, body))
            self.show(target, body)
            if self.rng.random() < AGAIN:
                self.expect_refused("replayed", target, body)
            if self.rng.random() < OLD:
                self.expect_refused("stale", *self.rng.choice(self.kept[:-1] or self.kept))

    def show(self, target: str, body: tx.Deliver) -> None:
        (receipt,) = self.all.do(target, [(CARRIER, body)])
        self.counts["carried" if receipt.code == 0 else f"refused {receipt.refusal}"] += 1
        if receipt.code == 0:
            self.kept.append((target, body))

    def expect_refused(self, kind: str, target: str, body: tx.Deliver) -> None:
        (receipt,) = self.all.do(target, [(CARRIER, body)])
        self.counts[kind] += 1
        if receipt.code == 0:
            self.wrong.append(f"{kind} {body.about} of {body.of} was taken on {target}")

    def forged(self, source: str, target: str, body: tx.Deliver) -> tx.Deliver:
        """The message with something made up: its value, its proof, its absence, its subject, its signers."""
        signed = light.SIGNED_HEADER.decode(body.header)
        match self.rng.randrange(6):
            case 0:
                value = bytearray(body.value or b"nothing")
                value[self.rng.randrange(len(value))] ^= 1
                return replace(body, value=bytes(value))
            case 1:
                place = self.rng.randrange(max(1, len(body.proof)))
                proof = body.proof[:place] + b"\x00" + body.proof[place + 1 :]
                return replace(body, proof=proof if proof != body.proof else proof[:-1])
            case 2:
                return replace(body, value=None if body.value is not None else b"\x01\x90")
            case 3:
                return replace(body, of=body.of[:-1] + ("0" if body.of[-1:] != "0" else "1"))
            case 4:
                header = signed.header._replace(app_hash=bytes(32))
                return replace(body, header=resigned(signed, header, [key_of("mallory")]))
            case _:
                votes = tuple(vote._replace(signature=bytes(64)) for vote in signed.commit.votes)
                header = signed.header._replace(time=signed.header.time + 1)
                unsigned = signed._replace(header=header, commit=signed.commit._replace(votes=votes))
                return replace(body, header=light.SIGNED_HEADER.encode(unsigned))

    def freeze(self) -> None:
        """The validators of one chain sign two headers of one height, and somebody shows them."""
        chain = self.all.chains[FROZEN]
        signed = chain.engine.prove(b"chain").signed
        lie = signed.header._replace(app_hash=bytes(32))
        two = light.SIGNED_HEADER.encode(signed), resigned(signed, lie, chain.signers)
        self.all.done(MAIN, [(CARRIER, tx.Freeze(FROZEN, *two))])
        self.frozen = True

    # --- the end, and what must hold ---------------------------------------------------------------

    def run_out(self) -> None:
        """Half of what has no outcome is refunded on a proof of that, the rest when its time is up."""
        self.all.wait(4 * HOUR)
        late = [name for name in self.requests if name in self.withheld]
        self.withheld = set(late[::2])
        for name in SUB_CHAINS:
            self.carry(name, MAIN)
            self.carry(name, MAIN)
        self.all.wait(8 * HOUR)
        self.check()

    def check(self) -> None:
        """Every chain's state is sound, and all tokens are on the main one."""
        for name, chain in self.all.chains.items():
            self.wrong += [f"{name}: {flaw}" for flaw in broken(chain.engine)]
            held = sum(account.balance for account in every(chain.engine, ACCOUNTS))
            held += sum(progress.escrow for progress in every(chain.engine, PROGRESS))
            if name != MAIN:
                self.counts["tokens astray"] += held + figures(chain.engine).issued

    def ended(self) -> Counter[str]:
        """How often each request ended on the main chain, by its blocks."""
        engine, ended = self.all.chains[MAIN].engine, Counter[str]()
        for height in range(1, engine.status().height + 1):
            block = engine.block(height)
            notices = [*block.notices, *(notice for receipt in block.receipts for notice in receipt.notices)]
            for notice in notices:
                if isinstance(notice, RequestEnded):
                    ended[notice.request] += 1
                    self.counts[notice.outcome] += 1
        return ended


def resigned(signed: Any, header: Any, keys: Any) -> bytes:
    """A header with a commit by these keys in the place of its own."""
    block = light.BlockId(light.header_hash(header), signed.commit.block.parts)
    by_address = {light.address(key.public): key for key in keys}
    votes = []
    for vote in signed.commit.votes:
        key = by_address.get(vote.validator, keys[0])
        message = light.sign_bytes(header.chain, header.height, signed.commit.round, block, vote.time)
        votes.append(vote._replace(signature=key.sign(message)))
    commit = signed.commit._replace(block=block, votes=tuple(votes))
    return light.SIGNED_HEADER.encode(light.SignedHeader(header, commit, signed.validators))


def play(seed: int, requests: int) -> dict[str, Any]:
    """One consortium's share of the requests, with everything that may go wrong."""
    with tempfile.TemporaryDirectory() as folder:
        consortium = Consortium(Path(folder), SUB_CHAINS, TERMS)
        consortium.begin()
        chaos = Chaos(consortium, Random(f"chains {seed}"), consortium.offer_units())
        while len(chaos.requests) < requests:
            freeze = not chaos.frozen and 3 * len(chaos.requests) >= 2 * requests
            chaos.wave(min(WAVE, requests - len(chaos.requests)), freeze)
        chaos.run_out()
        ended, engine = chaos.ended(), consortium.chains[MAIN].engine
        owned = sum(account.balance for account in every(engine, ACCOUNTS))
        reserved = [row.lineage for row in every(engine, LINEAGES)
                    if any(row.reserved.training) or any(row.reserved.judging)]  # fmt: skip
        consortium.close()
        unsound = []
        for name, chain in consortium.chains.items():
            file = Path(folder) / f"{name}.tally"
            export(chain.path, file)
            unsound += [] if verify(file).sound else [name]
    return {
        "counts": dict(chaos.counts),
        "wrong": chaos.wrong,
        "not once": [name for name in chaos.requests if ended[name] != 1],
        "requests": len(chaos.requests),
        "astray": abs((len(PEOPLE) + 1) * BALANCE - owned) + chaos.counts["tokens astray"],
        "reserved": reserved,
        "unsound": unsound,
    }
