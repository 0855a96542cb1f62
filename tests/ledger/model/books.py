"""The books: a second bookkeeping of a world, fed by what the ledger announces, compared after every block.

Balances, credit, numbers, votes and shares are computed here from transactions and notices alone, by
code of its own; only digests, ranks and the privacy arithmetic, tested elsewhere, are the ledger's.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Any

from tallystick.ledger import deadlines as due
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Genesis
from tallystick.ledger.handlers import WEIGHTS
from tallystick.ledger.records import FinalRecord
from tallystick.ledger.state import ACCOUNTS, PHASES, PLACES, PROGRESS, TEAMS
from tallystick.ledger.transition import Block
from tests.ledger.model import budgets as privacy
from tests.ledger.model import phases
from tests.ledger.model import request_model as lives
from tests.ledger.model.on_notice import ENTRIES
from tests.ledger.model.permits import PERMITS
from tests.ledger.model.refusals.expected import listed_refusals
from tests.ledger.model.request_model import Life
from tests.ledger.model.world import Happened, Records, ensure

BY_DEVICE = (tx.Post, tx.Reveal, tx.Report, tx.Nudge, tx.Deliver)
WINDOW = 256
PLACE_FIELDS = (
    *("deposit", "amount", "status", "turns", "missed", "idle", "forfeits", "present", "accepted"),
    *("gain", "score", "measured", "earned", "opened"),
)


@dataclass
class Own:
    """A member as the books know it."""

    key: bytes
    roles: tuple[str, ...]
    active: bool = True
    devices: dict[bytes, int] = field(default_factory=dict)


@dataclass
class Ballots:
    """A proposal and its votes."""

    change: tx.Change
    electorate: tuple[str, ...]
    deadline: int
    stage: str = "open"
    votes: dict[str, bool] = field(default_factory=dict)


@dataclass
class Books:
    """Everything that a world owns, owes and has decided, as it should be."""

    at_once: int  # the largest team that goes on within a transaction
    cap: int
    issued: int
    pool: int
    vote_wait: int
    vote_delay: int
    dormant_after: int
    weights: tuple[int, int]  # of a member and of a block
    time: int
    members: dict[str, Own]
    balance: dict[str, int]
    credit: dict[str, int]
    seen: dict[str, int]
    used: dict[str, set[int]]
    keys: set[bytes]
    budgets: privacy.Budgets = field(default_factory=privacy.Budgets)
    roots: dict[bytes, str] = field(default_factory=dict)
    lives: dict[str, Life] = field(default_factory=dict)
    origins: dict[str, tuple[str, str]] = field(default_factory=dict)  # request: its parent, its member
    pairs: dict[tuple[str, str], int] = field(default_factory=dict)
    teams: dict[str, tuple[tuple[str, ...], list[str]]] = field(default_factory=dict)
    proposals: dict[str, Ballots] = field(default_factory=dict)
    records: dict[str, tuple[FinalRecord, str]] = field(default_factory=dict)  # with the request's purpose
    reused: list[tuple[str, int]] = field(default_factory=list)  # what the running reuse has paid
    stood: int = 0  # records that stand
    ended: dict[str, int] = field(default_factory=dict)
    sender: str = ""
    body: Any = None
    height: int = 0
    filled: dict[str, int] = field(default_factory=dict)  # weight of this block by member

    @classmethod
    def of(cls, genesis: Genesis) -> Books:
        names = [one.member for one in genesis.members]
        limits = genesis.limits
        return cls(
            due.AT_ONCE, genesis.cap,
            sum(one.balance for one in genesis.members) + genesis.pool, genesis.pool,
            limits.vote_wait, limits.vote_delay, limits.dormant_after,
            (limits.member_weight, limits.block_weight), genesis.time,
            {one.member: Own(one.key, one.roles) for one in genesis.members},
            {one.member: one.balance for one in genesis.members},
            dict.fromkeys(names, 0), dict.fromkeys(names, genesis.time), {name: set() for name in names},
            {one.key for one in genesis.members},
        )  # fmt: skip

    def twin(self) -> Books:
        """A copy that shares nothing that changes."""
        other = copy(self)
        other.members = {m: copy(one) for m, one in self.members.items()}
        for one in other.members.values():
            one.devices = dict(one.devices)
        for name in ("balance", "credit", "seen", "roots", "origins", "pairs", "records", "ended", "filled"):
            setattr(other, name, dict(getattr(self, name)))
        other.used, other.keys = {m: set(used) for m, used in self.used.items()}, set(self.keys)
        other.budgets = privacy.twin(self.budgets)
        other.lives = {name: lives.twin(one) for name, one in self.lives.items()}
        other.teams = {name: (invited, list(there)) for name, (invited, there) in self.teams.items()}
        other.proposals = {name: copy(one) for name, one in self.proposals.items()}
        for ballots in other.proposals.values():
            ballots.votes = dict(ballots.votes)
        return other

    # --- what is seen -----------------------------------------------------------------------------

    def see(self, block: Block, happened: Happened) -> None:
        self.time, self.sender, self.body, self.reused = block.time, "", None, []
        if block.height != self.height:
            self.height, self.filled = block.height, {}
        if happened.sent is not None:
            self._received(block, happened)
        for notice in happened.notices:
            enter = ENTRIES.get(type(notice))
            if enter is not None:
                enter(self, notice, happened.view)
        for life in self.lives.values():
            if happened.sent is not None and life.open:
                phases.ensure_going_on(self, life, life.open)
            ensure(not life.next, life.name, "was to announce", life.next)

    def _received(self, block: Block, happened: Happened) -> None:
        """A receipt: what may leave a trace, leaves the right one; what was accepted was acceptable."""
        sent, receipt = happened.sent, happened.receipt
        assert sent is not None and receipt is not None
        ensure(receipt.code != 99, receipt.detail, "by", sent.member, sent.body)
        ensure(not sent.expects or receipt.code, sent.member, "meant to meet", sent.expects, "by", sent.body)
        if receipt.code and not receipt.member:
            ensure(not happened.changed(), receipt, "left a trace:", happened.changed())
            return
        envelope, name = sent.envelope, sent.member
        ensure(envelope is not None, "bytes that are no transaction gave", receipt)
        assert envelope is not None
        own = self.members.get(name)
        ensure(own is not None and sent.honest, receipt, "of", envelope)
        assert own is not None
        fresh = envelope.number not in self.used[name]
        ensure(fresh and envelope.number < self.lowest(name) + WINDOW, name, "used number", envelope.number)
        in_time = block.time < envelope.valid_until and envelope.chain == block.chain
        ensure(in_time and envelope.version == tx.FORMAT, name, "sent what had expired or was not for here")
        by_device = envelope.signer != own.key
        alive = own.devices.get(envelope.signer, 0) > block.time
        ensure(not by_device or alive, name, "signed with a key that it has not")
        for who, limit in ((name, self.weights[0]), ("", self.weights[1])):
            self.filled[who] = self.filled.get(who, 0) + WEIGHTS[type(envelope.body)]
            ensure(self.filled[who] <= limit, who or "the block", "is filled with", self.filled[who])
        self.used[name].add(envelope.number)
        self.seen[name] = block.time
        self.sender, self.body = name, envelope.body
        if receipt.code:
            kind = type(envelope.body)
            ensure(receipt.refusal in listed_refusals(kind), kind.__name__, "does not list", receipt.refusal)
            only = {ACCOUNTS.key(name).encode()}
            ensure(happened.changed() <= only, receipt, "changed", happened.changed())
            return
        ensure(own.active, name, "is suspended and acts:", envelope.body)
        ensure(
            not by_device or isinstance(envelope.body, BY_DEVICE), name, "acts by a device:", envelope.body
        )
        permit = PERMITS.get(type(envelope.body))
        if permit is not None:
            permit(self, name, envelope.body)

    def lowest(self, member: str) -> int:
        """The lowest unused number."""
        used, low = self.used[member], 0
        while low in used:
            low += 1
        return low

    def compare(self, records: Records) -> None:
        """After a block, the ledger and the books say the same."""
        for name, balance in self.balance.items():
            account = records.find(ACCOUNTS, name)
            assert account is not None
            theirs = (account.balance, account.credit, account.seen)
            ours = (balance, self.credit[name], self.seen[name])
            ensure(theirs == ours, name, "has balance, credit, seen", theirs, "by the books", ours)
            above = sorted(n for n in self.used[name] if n > account.low)
            used = account.low not in self.used[name] and list(account.ahead) == above
            ensure(used and len(self.used[name]) == account.low + len(above), name, "used", account)
        chain = records.chain
        ensure((chain.issued, chain.pool) == (self.issued, self.pool), "issued", chain, "not", self.issued)
        self.budgets.compare(records)
        for life in self.lives.values():
            self._compare_life(records, life)
        live = [
            key[0] for key, one in records.all(PROGRESS).items() if one.stage not in ("settled", "refunded")
        ]
        ensure(sorted(live) == sorted(self.lives), "live are", live, "by the books", list(self.lives))

    def _compare_life(self, records: Records, life: Life) -> None:
        progress = records.find(PROGRESS, life.name)
        assert progress is not None
        theirs = (
            progress.stage, progress.escrow, progress.round, progress.completed, progress.leader,
            progress.analyst, list(progress.figures), progress.figure, progress.seed, progress.purchased,
        )  # fmt: skip
        ours = (
            life.stage, life.escrow, life.round, life.completed, life.leader,
            life.analyst, life.figures, life.figure, life.seed, life.purchased,
        )  # fmt: skip
        ensure(theirs == ours, life.name, "is", theirs, "by the books", ours)
        if life.stage == "forming":
            return
        team = records.find(TEAMS, life.name)
        assert team is not None
        told = (list(team.active), list(team.bench), sorted((*team.active, *team.gone)))
        own = (life.active, life.bench, sorted(life.seats))
        ensure(told == own, life.name, "has the team", told, "by the books", own)
        for seat in life.seats.values():
            place = records.find(PLACES, life.name, seat.member)
            assert place is not None
            for name in PLACE_FIELDS:
                kept, wanted = getattr(place, name), getattr(seat, name)
                ensure(kept == wanted, life.name, seat.member, name, "is", kept, "by the books", wanted)
            ensure(place.last_accepted == seat.last, seat.member, "was last accepted in", place.last_accepted)
        if life.open:
            phase = records.find(PHASES, life.name, life.phase)
            assert phase is not None
            at = life.open
            was = (
                list(phase.owed),
                phase.subjects,
                phase.circle,
                phase.deadline,
                phase.revealing,
                phase.cursor,
            )
            is_ = (at.owed, at.subjects, at.circle, at.deadline, at.revealing, at.cursor)
            ensure(was == is_, life.name, "phase", phase.name, "is", was, "by the books", is_)

    # --- votes --------------------------------------------------------------------------------------

    def admit(self, change: tx.Admit, roles: tuple[str, ...]) -> None:
        name = change.member
        self.members[name] = Own(change.key, roles)
        self.balance[name], self.credit[name], self.seen[name] = 0, 0, self.time
        self.used[name] = set()
        self.keys.add(change.key)

    def proposed(self, name: str, change: tx.Change) -> None:
        """A proposal: every member that is there decides, but for those whom it concerns."""
        concerned = [getattr(change, "member", "")]
        if isinstance(change, tx.Dispute):
            owner = self.budgets.lineages[self.budgets.units[change.unit].lineage].owner
            concerned = [change.owner, owner]
        awake = [m for m, seen in self.seen.items() if self.time - seen < self.dormant_after]
        electorate = tuple(sorted(m for m in awake if self.members[m].active and m not in concerned))
        self.proposals[name] = Ballots(change, electorate, self.time + self.vote_wait)

    def decided(self, name: str, outcome: str) -> None:
        """A proposal passes above two thirds, else lapses; what passed takes effect after its delay."""
        found = self.proposals[name]
        many, for_it = len(found.electorate), sum(found.votes.values())
        if outcome == "passed":
            right = found.stage == "open" and 3 * for_it > 2 * many
            found.deadline = self.time + max(1, self.vote_delay)
        elif outcome == "lapsed":
            hopeless = 3 * (many - (len(found.votes) - for_it)) <= 2 * many
            right = found.stage == "open" and (hopeless or self.time >= found.deadline)
        else:
            right = found.stage == "passed" and self.time >= found.deadline
        ensure(right, name, "is", outcome, "with", for_it, "of", many, found)
        found.stage = outcome

    # --- tokens -----------------------------------------------------------------------------------

    def return_rest(self, life: Life, amount: int) -> None:
        """What is left goes to the escrow that it came from while that lives, else further up."""
        parent, member = self.origins[life.name]
        while parent:
            above = self.lives.get(parent)
            if above is not None:
                above.escrow += amount
                above.purchased = max(0, above.purchased - amount)
                return
            parent, member = self.origins[parent]
        self.balance[member] += amount

    def close(self, life: Life, outcome: str) -> None:
        del self.lives[life.name]
        self.ended[outcome] = self.ended.get(outcome, 0) + 1
        self.stood += bool(life.recorder) and outcome == "settled"

    def total(self) -> int:
        """All tokens there are, wherever they are."""
        return (
            self.pool
            + sum(self.balance.values())
            + sum(life.escrow for life in self.lives.values())
            + sum(seat.deposit for life in self.lives.values() for seat in life.seats.values())
            + sum(one.locked for life in self.lives.values() for one in life.applications.values())
        )
