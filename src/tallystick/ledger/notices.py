"""What happened: one typed notice for every change (the word event belongs to privacy)."""

from ..base.codec import Record
from ..base.ids import Role


class Notice(Record, tag_field="kind", tag=str.lower):
    """Something that changed on the ledger."""


class MemberAdmitted(Notice):
    member: str
    roles: tuple[Role, ...]


class MemberSuspended(Notice):
    member: str


class MemberReinstated(Notice):
    member: str


class RolesSet(Notice):
    member: str
    roles: tuple[Role, ...]


class KeyReplaced(Notice):
    member: str
    key: bytes
    recovered: bool


class DeviceAdded(Notice):
    member: str
    key: bytes


class DeviceRemoved(Notice):
    member: str
    key: bytes


class SoftwareReported(Notice):
    member: str
    software: bytes


class ProposalMade(Notice):
    proposal: str
    member: str
    change: str


class VoteCast(Notice):
    proposal: str
    member: str
    approve: bool


class ProposalDecided(Notice):
    proposal: str
    outcome: str  # passed | lapsed | effective | void


class TokensIssued(Notice):
    to: str
    amount: int


class TokensMoved(Notice):
    payer: str
    payee: str
    amount: int


class UnitRegistered(Notice):
    unit: str
    owner: str
    lineage: str


class UnitWithdrawn(Notice):
    unit: str


class UnitMoved(Notice):
    unit: str
    owner: str


class GrantAsked(Notice):
    ask: str
    unit: str
    member: str


class GrantGiven(Notice):
    grant: str
    unit: str
    to: str


class GrantDeclined(Notice):
    ask: str


class GrantRevoked(Notice):
    grant: str


class GrantUsed(Notice):
    grant: str
    request: str
    left: int


class PrivacyReserved(Notice):
    lineage: str
    request: str
    epsilon_nano: int


class PrivacyCharged(Notice):
    lineage: str
    request: str
    round: int
    phase: str
    epsilon_nano: int  # what the lineage has spent in all


class RequestPosted(Notice):
    request: str
    member: str
    category: str
    reward: int


class RequestEnded(Notice):
    request: str
    outcome: str  # settled | refunded
    reason: str


class RecordReused(Notice):
    request: str
    member: str
    fee: int


class TestOpened(Notice):
    request: str
    content: bytes


class TeamListed(Notice):
    request: str
    members: int


class Applied(Notice):
    request: str
    member: str
    bench: bool


class ApplicationWithdrawn(Notice):
    request: str
    member: str


class AbilitiesGraded(Notice):
    request: str
    graded: int


class TeamFormed(Notice):
    request: str
    leader: str
    members: tuple[str, ...]


class MemberLeft(Notice):
    request: str
    member: str
    reason: str  # left | evicted | released | forfeited | replaced


class MemberJoined(Notice):
    request: str
    member: str
    round: int


class TeamFounded(Notice):
    team: str
    leader: str


class TeamJoined(Notice):
    team: str
    member: str


class PhaseOpened(Notice):
    request: str
    round: int
    phase: str
    deadline: int


class RevealsOpened(Notice):
    request: str
    round: int
    phase: str
    deadline: int


class Posted(Notice):
    request: str
    round: int
    phase: str
    member: str


class Revealed(Notice):
    request: str
    round: int
    phase: str
    member: str


class TurnMissed(Notice):
    request: str
    round: int
    phase: str
    member: str
    reason: str  # silent | declined | unavailable | unrevealed | copied


class PhaseClosed(Notice):
    request: str
    round: int
    phase: str
    counts: bool


class RoundEnded(Notice):
    request: str
    round: int
    complete: bool
    figure: int | None


class RoundsStopped(Notice):
    request: str
    reason: str


class RecorderElected(Notice):
    request: str
    member: str
    attempt: int


class RecordPosted(Notice):
    request: str
    member: str
    model: bytes
    figure: int


class Approved(Notice):
    request: str
    member: str


class RecordDecided(Notice):
    request: str
    stands: bool
    approving: int
    electorate: int


class Paid(Notice):
    request: str
    member: str
    amount: int
    why: str  # reward | leader | fee | compensation | deposit


class Fined(Notice):
    request: str
    member: str
    amount: int


class CreditGained(Notice):
    member: str
    amount: int


class CreditLost(Notice):
    member: str
    amount: int


class RulesUpgraded(Notice):
    version: int


class Alarm(Notice):
    fault: str
