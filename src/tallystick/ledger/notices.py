"""What happened: one typed notice for every change (the word event belongs to privacy)."""

from ..base.codec import Record
from ..base.ids import Role


class Said(Record, tag_field="kind", tag=str.lower):
    """Something that changed on the ledger."""


class MemberAdmitted(Said):
    member: str
    roles: tuple[Role, ...]


class MemberSuspended(Said):
    member: str


class MemberReinstated(Said):
    member: str


class RolesSet(Said):
    member: str
    roles: tuple[Role, ...]


class KeyReplaced(Said):
    member: str
    key: bytes
    recovered: bool


class DeviceAdded(Said):
    member: str
    key: bytes


class DeviceRemoved(Said):
    member: str
    key: bytes


class ValidatorNamed(Said):
    member: str
    key: bytes


class ValidatorsChanged(Said):
    keys: tuple[bytes, ...]


class SoftwareReported(Said):
    member: str
    software: bytes


class ProposalMade(Said):
    proposal: str
    member: str
    change: str


class VoteCast(Said):
    proposal: str
    member: str
    approve: bool


class ProposalDecided(Said):
    proposal: str
    outcome: str  # passed | lapsed | effective | void


class TokensIssued(Said):
    to: str
    amount: int


class TokensMoved(Said):
    payer: str
    payee: str
    amount: int


class UnitRegistered(Said):
    unit: str
    owner: str
    lineage: str


class UnitWithdrawn(Said):
    unit: str


class UnitMoved(Said):
    unit: str
    owner: str


class GrantAsked(Said):
    ask: str
    unit: str
    member: str


class GrantGiven(Said):
    grant: str
    unit: str
    to: str


class GrantDeclined(Said):
    ask: str


class GrantRevoked(Said):
    grant: str


class GrantUsed(Said):
    grant: str
    request: str
    left: int


class PrivacyReserved(Said):
    lineage: str
    request: str
    epsilon_nano: int


class PrivacyCharged(Said):
    lineage: str
    request: str
    round: int
    phase: str
    epsilon_nano: int  # what the lineage has spent in all


class RequestPosted(Said):
    request: str
    member: str
    category: str
    reward: int


class RequestEnded(Said):
    request: str
    outcome: str  # settled | refunded
    reason: str


class RecordReused(Said):
    request: str
    member: str
    fee: int


class TestOpened(Said):
    request: str
    content: bytes


class TeamListed(Said):
    request: str
    members: int


class Applied(Said):
    request: str
    member: str
    bench: bool


class ApplicationWithdrawn(Said):
    request: str
    member: str


class AbilitiesGraded(Said):
    request: str
    graded: int


class TeamFormed(Said):
    request: str
    leader: str
    members: tuple[str, ...]


class MemberLeft(Said):
    request: str
    member: str
    reason: str  # left | evicted | expelled | released | withdrawn | forfeited | replaced


class MemberJoined(Said):
    request: str
    member: str
    round: int


class TeamFounded(Said):
    team: str
    leader: str


class TeamJoined(Said):
    team: str
    member: str


class PhaseOpened(Said):
    request: str
    round: int
    phase: str
    deadline: int


class RevealsOpened(Said):
    request: str
    round: int
    phase: str
    deadline: int


class Posted(Said):
    request: str
    round: int
    phase: str
    member: str


class Revealed(Said):
    request: str
    round: int
    phase: str
    member: str


class TurnMissed(Said):
    request: str
    round: int
    phase: str
    member: str
    reason: str  # silent | declined | unavailable | unrevealed | copied


class PhaseClosed(Said):
    request: str
    round: int
    phase: str
    counts: bool


class RoundEnded(Said):
    request: str
    round: int
    complete: bool
    figure: int | None


class RoundsStopped(Said):
    request: str
    reason: str


class RecorderElected(Said):
    request: str
    member: str
    attempt: int


class RecordPosted(Said):
    request: str
    member: str
    model: bytes
    figure: int


class Approved(Said):
    request: str
    member: str


class RecordDecided(Said):
    request: str
    stands: bool
    approving: int
    electorate: int


class Paid(Said):
    request: str
    member: str
    amount: int
    why: str  # reward | leader | fee | compensation | deposit


class Fined(Said):
    request: str
    member: str
    amount: int


class CreditGained(Said):
    member: str
    amount: int


class CreditLost(Said):
    member: str
    amount: int


class RulesUpgraded(Said):
    version: int


class ChainRegistered(Said):
    chain: str


class ChainFrozen(Said):
    chain: str


class ChainFollowed(Said):
    chain: str
    height: int
    time: int


class MemberShown(Said):
    member: str


class RequestSent(Said):
    request: str
    chain: str
    final: int


class RequestOpened(Said):
    request: str
    members: tuple[str, ...]


class OutcomeSent(Said):
    request: str
    outcome: str


class Alarm(Said):
    fault: str


Notice = (
    MemberAdmitted | MemberSuspended | MemberReinstated | RolesSet | KeyReplaced | DeviceAdded
    | DeviceRemoved | SoftwareReported | ProposalMade | VoteCast | ProposalDecided | TokensIssued
    | TokensMoved | UnitRegistered | UnitWithdrawn | UnitMoved | GrantAsked | GrantGiven | GrantDeclined
    | GrantRevoked | GrantUsed | PrivacyReserved | PrivacyCharged | RequestPosted | RequestEnded
    | RecordReused | TestOpened | TeamListed | Applied | ApplicationWithdrawn | AbilitiesGraded | TeamFormed
    | MemberLeft | MemberJoined | TeamFounded | TeamJoined | PhaseOpened | RevealsOpened | Posted | Revealed
    | TurnMissed | PhaseClosed | RoundEnded | RoundsStopped | RecorderElected | RecordPosted | Approved
    | RecordDecided | Paid | Fined | CreditGained | CreditLost | RulesUpgraded | Alarm
    | ValidatorNamed | ValidatorsChanged | ChainRegistered | ChainFrozen | ChainFollowed | MemberShown
    | RequestSent | RequestOpened | OutcomeSent
)  # fmt: skip
