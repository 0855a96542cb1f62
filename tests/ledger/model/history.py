"""One history: a world, who lives in it, and steps of every kind until everything has ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tallystick.base.ids import derived_id
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tests.ledger.memory import due_times
from tests.ledger.model import moves
from tests.ledger.model.actors import Players
from tests.ledger.model.bookkeeper import Bookkeeper
from tests.ledger.model.books import Books
from tests.ledger.model.people import FULL
from tests.ledger.model.random_blocks import wild
from tests.ledger.model.refusals import requests, teams, units
from tests.ledger.model.refusals import rounds as of_rounds
from tests.ledger.model.refusals.expected import ENVELOPE, HARD, HARDEST, PAIRS, RARE
from tests.ledger.model.refusals.ways import OTHER_WAYS, Bent, way_to
from tests.ledger.observed import Sent, ensure
from tests.ledger.world import World

STEPS = 50
SUBJECTS = (units, requests, teams, of_rounds)  # each brings its ways to be refused
HURRY = {"forming": 5, "opening": 3, "rounds": 3, "closing": 4}  # how much rather one serves the later stages
LONGEST_END = 1_000  # clock advances after which a request that lives has not ended


@dataclass
class History:
    """A world that is played."""

    world: World
    books: Books
    players: Players
    rng: Random
    met: Counter[tuple[str, str]] = field(default_factory=Counter)  # (transaction, refusal), "" is accepted
    steps: int = 0
    blocks: int = 0

    def twin(self, rng: Random) -> History:
        """The same world once more, to be played by another chance."""
        books, world = self.books.twin(), self.world.twin()
        world.observers.append(Bookkeeper(books))
        players = Players(world, rng, dict(self.players.vectors), {})
        players.silence, players.malice = rng.choice(((0.02, 0.05), (0.02, 0.05), (0.08, 0.12), (0.25, 0.2)))
        world.at_once = books.at_once = rng.choice((world.at_once,) * 7 + (1,))
        return History(world, books, players, rng)

    # --- sending ----------------------------------------------------------------------------------

    def number(self, member: str) -> int:
        """An unused number: mostly the next, at times one ahead, at times one left behind."""
        account, chance = self.world.reader.find(st.ACCOUNTS, member), self.rng.random()
        if account is None:
            return 0
        following = self.world.next_number(member)
        if chance < 0.03:
            following += self.rng.randint(1, 9)
        return account.low if chance > 0.93 or following >= account.low + tx.NUMBER_WINDOW else following

    def seal(self, member: str, body: tx.Body) -> Sent:
        """Sealed by the member, or by a device of its own where that may do it."""
        own = self.world.reader.find(st.MEMBERS, member)
        keys = [one.key for one in own.devices if self.world.time < one.until] if own else []
        by_device = keys and isinstance(body, tx.Post | tx.Reveal | tx.Report | tx.Nudge | tx.Deliver)
        key = keys[0] if by_device and self.rng.random() < 0.3 else None
        return self.world.sent(member, body, number=self.number(member), key=key)

    def does(self, member: str, body: tx.Body) -> None:
        """One transaction in a block of its own."""
        self.send(self.seal(member, body))

    def send(self, *sent: Sent) -> None:
        """A block of these; what each met is counted."""
        outcome = self.world.block(*sent)
        self.blocks += 1
        for one, receipt in zip(sent, outcome.receipts, strict=True):
            self.steps += 1
            kind = type(one.body).__name__ if receipt.member else "Envelope"
            self.met[kind, receipt.refusal] += 1

    def advance(self, milliseconds: int) -> None:
        """The clock moves on; an empty block serves what has come due."""
        self.world.time += max(0, milliseconds)
        self.world.block()
        self.steps += 1
        self.blocks += 1

    # --- steps ------------------------------------------------------------------------------------

    def step(self) -> None:
        """One step of a kind drawn by weight."""
        kinds = (self.serve, self.provoke, self.move, self.disturb, self.wild, self.clock, self.crowd)
        self.rng.choices(kinds, (52, 24, 8, 5, 3, 5, 3))[0]()

    def serve(self) -> None:
        """Somebody does its duty; where all who owe keep silent, their time runs out."""
        live = self.players.live()
        if not live:
            return self.does(*moves.request(self.players))
        stages = [self.players.progress(name).stage for name in live]
        name = self.rng.choices(live, [HURRY.get(stage, 6) for stage in stages])[0]
        duties = self.players.duties(name)
        if not duties:
            forming = self.players.progress(name).stage == "forming"
            return self.provoke() if forming and self.rng.random() < 0.3 else self.wait_for(name)
        member, body = self.rng.choice(duties)
        if self.rng.random() < 0.04:
            self.world.time = max(self.world.time, self.deadline(name) + self.rng.choice((-1, 0, 1)))
        return self.does(member, body())

    def deadline(self, name: str) -> int:
        """When a request's next deadline is."""
        found = [int(key[0]) for key in self.world.reader.all(st.DUE) if key[2] == name]
        return min(found, default=self.world.time)

    def wait_for(self, name: str) -> None:
        """Let a request's time run out: just before, at the very time, or long after."""
        late = self.rng.choice((0, 0, 0, 1, -1, 700, 9_000))
        self.advance(self.deadline(name) + late - self.world.time)

    def provoke(self) -> None:
        """Something that must be refused, where the state offers it."""
        chance = self.rng.random()
        if chance < 0.06:
            found = way_to(self.players, ("Envelope", self.rng.choice(ENVELOPE)))
            return self.send(self.bend(found, "Envelope")) if isinstance(found, Bent) else self.move()
        if chance < 0.36:
            ways = [(pair, way) for pair, others in OTHER_WAYS.items() for way in others]
            for pair, way in self.rng.sample(ways, len(ways)):
                found = way(self.players)
                if found:
                    return self.send(self.bend(found if isinstance(found, Bent) else Bent(*found), pair[1]))
        rare = self.rng.sample((*HARD, *RARE), len(HARD + RARE) // 2) if self.rng.random() < 0.4 else []
        rare = [*(HARDEST if self.rng.random() < 0.6 else ()), *rare]
        for pair in rare + self.rng.sample(PAIRS, 12):
            found = way_to(self.players, pair)
            if found is None:
                continue
            bent = found if isinstance(found, Bent) else Bent(*found)
            return self.send(self.bend(bent, pair[1]))
        return self.move()

    def bend(self, bent: Bent, refusal: str) -> Sent:
        """Seal it as it is bent. What is due may change the state first: then nothing is expected."""
        self.world.time = max(self.world.time, bent.at)
        due = any(time <= self.world.time for time in due_times(self.world.reader))
        options = {"number": self.number(bent.member), **bent.envelope}
        sent = self.world.sent(bent.member, bent.body, expects="" if due else refusal, **options)
        if not bent.cut:
            return sent
        data = bytearray(sent.data)
        place = self.rng.randrange(len(data))
        if self.rng.random() < 0.5:
            del data[place:]
        else:
            data.append(0)
        return Sent(bent.member, None, bytes(data), None, False, refusal)

    def move(self) -> None:
        for _ in range(6):
            found = moves.move(self.players)
            if found is not None:
                return self.does(*found)
        return self.clock()

    def disturb(self) -> None:
        """Something that changes a running team: a grant taken back, a unit gone, a member expelled."""
        players, chance = self.players, self.rng.random()
        if self.world.reader.all(st.RESERVATIONS) and chance < 0.5:
            kind = self.rng.choice((moves.revoke, moves.withdraw_or_hand_over))
        else:
            kind = self.rng.choice((moves.leave, moves.join_bench, moves.join_bench, moves.buy_on))
        if chance > 0.9:
            return self.expel()
        found = kind(players)
        return self.does(*found) if found else self.serve()

    def expel(self) -> None:
        """A member that serves is put to the vote, and everybody else votes, all in one block."""
        serving = sorted({member for _, member in self.world.reader.all(st.PLACES)})
        if not serving:
            return self.serve()
        chosen = self.rng.choice(serving)
        proposer = self.rng.choice([m for m in FULL if m != chosen])
        number = self.number(proposer)
        proposal = derived_id("proposal", proposer, number)
        change = tx.Suspend(chosen) if self.rng.random() < 0.7 else tx.SetRoles(chosen, ("requester",))
        sent = [self.world.sent(proposer, tx.Propose(change), number=number)]
        others = [m for m in FULL if m not in (chosen, proposer)]
        return self.send(*sent, *(self.seal(member, tx.Vote(proposal, True)) for member in others))

    def wild(self) -> None:
        self.does(*wild(self.players))

    def clock(self) -> None:
        """Time passes: a little, to the next deadline, now and then very long."""
        times = due_times(self.world.reader)
        chance = self.rng.random()
        if chance < 0.12:
            return self.sleep()
        if times and chance < 0.6:
            return self.advance(times[0] - self.world.time + self.rng.choice((-1, 0, 0, 1)))
        return self.advance(self.rng.choice((0, 1, 100, 2_000)))

    def sleep(self) -> None:
        """A long while in which nobody does anything; who wakes up first may be alone."""
        long = self.rng.choice((50_000, 10**7, 40 * 86_400_000, 40 * 86_400_000))
        self.world.time += long
        alone = way_to(self.players, ("Propose", "NotEligible"))
        if alone is None or self.rng.random() < 0.3:
            return self.advance(0)
        return self.send(self.bend(Bent(*alone), "NotEligible"))  # type: ignore[misc]

    def crowd(self) -> None:
        """One block with more than a member, or all of them, may put into it; and the duties of several."""
        if self.rng.random() < 0.4:
            return self.assembly()
        sent: list[Sent] = []
        used: dict[str, int] = {}

        def add(member: str, body: tx.Body) -> None:
            used[member] = used.get(member, self.world.next_number(member) - 1) + 1
            sent.append(self.world.sent(member, body, number=used[member]))

        one = self.rng.random() < 0.5
        crowd = [self.rng.choice(FULL)] if one else list(FULL[:3])
        for member in crowd * (4 if one else 2):
            body = (
                moves.propose(self.players)[1] if self.rng.random() < 0.6 else moves.request(self.players)[1]
            )
            add(member, body)
        for name in self.players.live("opening", "rounds", "closing", "approving"):
            for member, makes in self.players.duties(name)[:2]:
                add(member, makes())
        self.rng.shuffle(sent)
        self.send(*sent[:6])

    def assembly(self) -> None:
        """Many votes on one proposal in one block, wherever one is open."""
        for (name,), proposal in sorted(self.world.reader.all(st.PROPOSALS).items()):
            if proposal.stage == "open" and self.world.time < proposal.deadline:
                names = self.world.reader.all(st.ELECTORATES)[(name,)].members
                voted = [m for of, m in self.world.reader.all(st.BALLOTS) if of == name]
                able = [m for m in names if m not in voted]
                votes = [self.seal(m, tx.Vote(name, self.rng.random() < 0.9)) for m in able]
                if votes:
                    return self.send(*votes[: self.rng.randint(1, 6)])
        return self.does(*moves.propose(self.players))

    # --- the end ----------------------------------------------------------------------------------

    def run_out(self) -> None:
        """Nobody acts any more: by the clock alone every request ends, and nothing is left of it."""
        for _ in range(LONGEST_END):
            times = due_times(self.world.reader)
            if not times:
                break
            self.world.time = max(self.world.time, times[0])
            self.world.block()
            self.blocks += 1
        ensure(not due_times(self.world.reader), "still due:", self.world.reader.all(st.DUE))
        ensure(not self.books.live, "still live:", list(self.books.live))
        held = [*self.world.reader.all(st.PLACES), *self.world.reader.all(st.APPLICATIONS)]
        ensure(not held and not self.world.reader.all(st.RESERVATIONS), "still held:", held)
        chain = self.world.reader.chain
        owned = sum(account.balance for account in self.world.reader.all(st.ACCOUNTS).values())
        ensure(owned + chain.pool == chain.issued == self.books.total(), owned, chain, self.books.total())
        self.world.check_all()


def play(history: History, steps: int = STEPS) -> History:
    """All steps of a history, and its end."""
    begun, stood = history.steps, history.books.stood
    history.met.clear()
    history.books.ended.clear()
    while history.steps < begun + steps:
        history.step()
    history.steps -= begun
    history.books.stood -= stood
    history.run_out()
    return history
