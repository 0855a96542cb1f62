"""The books, as data: everything that a consortium owns, owes and has decided, as it should be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tallystick.ledger import deadlines
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Genesis
from tallystick.ledger.records import FinalRecord
from tests.ledger.model.budgets import Budgets
from tests.ledger.model.request_model import RequestModel


@dataclass(frozen=True)
class LimitsModel:
    """What the ledger was founded with."""

    cap: int
    vote_wait: int
    vote_delay: int
    dormant_after: int
    member_weight: int
    block_weight: int


@dataclass
class MemberModel:
    """A member as the books know it: its keys, its rights, and its account."""

    key: bytes
    roles: tuple[str, ...]
    balance: int
    seen: int
    active: bool = True
    credit: int = 0
    used: set[int] = field(default_factory=set)  # numbers
    devices: dict[bytes, int] = field(default_factory=dict)

    def lowest(self) -> int:
        """The lowest unused number."""
        low = 0
        while low in self.used:
            low += 1
        return low

    def twin(self) -> MemberModel:
        return replace(self, used=set(self.used), devices=dict(self.devices))


@dataclass
class ProposalModel:
    """A proposal and its votes."""

    change: tx.Change
    electorate: tuple[str, ...]
    deadline: int
    stage: str = "open"
    votes: dict[str, bool] = field(default_factory=dict)

    def twin(self) -> ProposalModel:
        return replace(self, votes=dict(self.votes))


@dataclass
class StandingTeamModel:
    """A team that is kept for requests to come: who is invited, who has joined."""

    invited: tuple[str, ...]
    joined: list[str]

    def twin(self) -> StandingTeamModel:
        return replace(self, joined=list(self.joined))


@dataclass
class Moment:
    """Where the books stand: the block, and the transaction that is looked at."""

    time: int
    height: int = 0
    sender: str = ""
    body: Any = None
    filled: dict[str, int] = field(default_factory=dict)  # weight of this block by member
    reused: list[tuple[str, int]] = field(default_factory=list)  # what the running reuse has paid

    def twin(self) -> Moment:
        return replace(self, filled=dict(self.filled))


@dataclass
class Books:
    """Everything that a consortium owns, owes and has decided."""

    limits: LimitsModel
    now: Moment
    issued: int
    pool: int
    members: dict[str, MemberModel]
    keys: set[bytes]
    at_once: int = deadlines.AT_ONCE  # the largest team that goes on within a transaction
    budgets: Budgets = field(default_factory=Budgets)
    live: dict[str, RequestModel] = field(default_factory=dict)
    origins: dict[str, tuple[str, str]] = field(default_factory=dict)  # request: its parent, its member
    settled_pairs: dict[tuple[str, str], int] = field(default_factory=dict)  # requester, member: how often
    teams: dict[str, StandingTeamModel] = field(default_factory=dict)
    proposals: dict[str, ProposalModel] = field(default_factory=dict)
    records: dict[str, tuple[FinalRecord, str]] = field(default_factory=dict)  # with the request's purpose
    stood: int = 0  # records that stand
    ended: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, genesis: Genesis) -> Books:
        limits = genesis.limits
        return cls(
            LimitsModel(
                genesis.cap,
                limits.vote_wait,
                limits.vote_delay,
                limits.dormant_after,
                limits.member_weight,
                limits.block_weight,
            ),
            Moment(genesis.time),
            sum(founder.balance for founder in genesis.members) + genesis.pool,
            genesis.pool,
            {
                founder.member: MemberModel(founder.key, founder.roles, founder.balance, genesis.time)
                for founder in genesis.members
            },
            {founder.key for founder in genesis.members},
        )

    def twin(self) -> Books:
        """A copy that shares nothing that changes."""
        return replace(
            self,
            now=self.now.twin(),
            members={name: member.twin() for name, member in self.members.items()},
            keys=set(self.keys),
            budgets=self.budgets.twin(),
            live={name: request.twin() for name, request in self.live.items()},
            origins=dict(self.origins),
            settled_pairs=dict(self.settled_pairs),
            teams={name: team.twin() for name, team in self.teams.items()},
            proposals={name: proposal.twin() for name, proposal in self.proposals.items()},
            records=dict(self.records),
            ended=dict(self.ended),
        )

    def return_rest(self, request: RequestModel, amount: int) -> None:
        """What is left goes to the escrow that it came from while that lives, else further up."""
        parent, member = self.origins[request.name]
        while parent:
            above = self.live.get(parent)
            if above is not None:
                above.money.escrow += amount
                above.money.purchased = max(0, above.money.purchased - amount)
                return
            parent, member = self.origins[parent]
        self.members[member].balance += amount

    def close(self, request: RequestModel, outcome: str) -> None:
        """A request lives no longer."""
        del self.live[request.name]
        self.ended[outcome] = self.ended.get(outcome, 0) + 1
        self.stood += bool(request.election.recorder) and outcome == "settled"

    def total(self) -> int:
        """All tokens there are, wherever they are."""
        teams = [request.team for request in self.live.values()]
        return (
            self.pool
            + sum(member.balance for member in self.members.values())
            + sum(request.money.escrow for request in self.live.values())
            + sum(place.deposit for team in teams for place in team.places.values())
            + sum(waiting.locked for team in teams for waiting in team.applications.values())
        )
