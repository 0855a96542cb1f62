"""What happened in words: one sentence for each notice, each reason, each statement about privacy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..base.measure import MILLION, Measure
from ..ledger import notices
from .statements import Evidence, nano


@dataclass(frozen=True)
class Reason:
    """Why something became of a member: in a few words, and what led to it."""

    short: str
    because: str = ""

    def __str__(self) -> str:
        return f"{self.short}: {self.because}" if self.because else self.short


MISSED: Mapping[str, Reason] = {
    "silent": Reason("kept silent"),
    "declined": Reason("declined"),
    "unavailable": Reason("did not serve the bytes of its model"),
    "unrevealed": Reason("did not open its scores"),
    "copied": Reason("posted what another had posted"),
}
GONE: Mapping[str, Reason] = {
    "left": Reason("left"),
    "evicted": Reason("was evicted", "the others scored its model far below the rest"),
    "expelled": Reason("was expelled", "its model or its scores harmed the round"),
    "released": Reason("may no longer serve", "a vote took its role"),
    "withdrawn": Reason("took its data back, which counts as leaving"),
    "forfeited": Reason("forfeited its place", "it kept its salt back"),
    "replaced": Reason("was replaced as analyst"),
}


def missed(reason: str) -> Reason:
    """Why a member missed its turn."""
    return MISSED.get(reason, Reason(reason))


def gone(reason: str) -> Reason:
    """Why a member is no longer in the team."""
    return GONE.get(reason, Reason(reason))


@dataclass(frozen=True)
class Wording:
    """What a request's sentences need besides its notices."""

    measure: Measure | None = None  # None where only the ledger is at hand, which does not know its name
    rounds: int = 0  # how many there are to be, or 0 where that is unknown
    of_result: bool = True  # a round judges the model it ends with, not the one that it started from

    def value(self, figure: int | None) -> float | None:
        """A figure of the ledger in the measure's own dimension."""
        if figure is None:
            return None
        return figure * (1 if self.measure is None else self.measure.scale) / MILLION

    def round(self, number: int) -> str:
        """A round by its number, of how many."""
        return f"round {number} of {self.rounds}" if self.rounds else f"round {number}"


def sentence(notice: notices.Notice, wording: Wording | None = None) -> str:
    """What a notice says."""
    words = wording or Wording()
    text = _rounds(notice, words) or _request(notice) or _team(notice)
    text = text or _members(notice) or _data(notice) or _chains(notice)
    if not text:
        raise LookupError(f"there is no sentence for {type(notice).__name__}")
    return text


def _rounds(notice: notices.Notice, words: Wording) -> str:
    match notice:
        case notices.PhaseOpened(_, number, phase, _):
            return f"{words.round(number)}: {phase}"
        case notices.RevealsOpened(_, number, phase, _):
            return f"{words.round(number)}: the scores of {phase} are opened"
        case notices.Posted(_, number, phase, member):
            return f"{words.round(number)}: {member} has posted in {phase}"
        case notices.Revealed(_, number, phase, member):
            return f"{words.round(number)}: {member} has opened its scores in {phase}"
        case notices.TurnMissed(_, number, phase, member, reason):
            return f"{words.round(number)}: {member} {missed(reason)} in {phase}"
        case notices.PhaseClosed(_, number, phase, counts):
            return f"{words.round(number)}: {phase} is over{'' if counts else ', and does not count'}"
        case notices.RoundEnded(_, number, complete, figure):
            value = words.value(figure)
            ended = "is done" if complete else "does not count"
            whose = "its model has" if words.of_result else "it started from"
            name = words.measure.name if words.measure else "a figure of"
            shown = "" if value is None else f"; {whose} {name} {value:.3f}"
            return f"{words.round(number)} {ended}{shown}"
        case notices.RoundsStopped(_, reason):
            return f"no more rounds: {reason}"
        case notices.PrivacyCharged(lineage, _, number, phase, epsilon):
            return (
                f"{words.round(number)}: {phase} is charged to {lineage}, which has spent ε {nano(epsilon)}"
            )
    return ""


def _request(notice: notices.Notice) -> str:
    match notice:
        case notices.RequestPosted(_, member, category, reward):
            return f"{member} asks for {category} and locks {reward:,} tokens"
        case notices.RequestEnded(_, outcome, reason):
            return f"the request is {outcome}: {reason}"
        case notices.RecordReused(_, member, fee):
            return f"{member} takes a record that stands already, for {fee:,} tokens"
        case notices.TestOpened():
            return "the sealed test set is opened"
        case notices.RecorderElected(_, member, _):
            return f"{member} is elected to record"
        case notices.RecordPosted(_, member, _, _):
            return f"{member} posts the record"
        case notices.Approved(_, member):
            return f"{member} approves the record"
        case notices.RecordDecided(_, stands, approving, electorate):
            verdict = "stands" if stands else "does not stand"
            return f"the record {verdict}: {approving} of {electorate} approve"
        case notices.Paid(_, member, amount, why):
            return f"{member} is paid {amount:,} tokens ({why})"
        case notices.Fined(_, member, amount):
            return f"{member} is fined {amount:,} tokens"
        case notices.PrivacyReserved(lineage, _, epsilon):
            return f"ε {nano(epsilon)} of {lineage} is set aside"
        case notices.GrantUsed(grant, _, left):
            return f"{grant} is used, {left:,} uses are left"
        case notices.RequestSent(_, chain, _):
            return f"the request goes to {chain}"
        case notices.RequestOpened(_, members):
            return f"the request is open here to {len(members)} members"
        case notices.OutcomeSent(_, outcome):
            return f"{outcome} is told to the chain that holds the reward"
    return ""


def _team(notice: notices.Notice) -> str:
    match notice:
        case notices.TeamListed(_, members):
            return f"{members} members are listed"
        case notices.Applied(_, member, bench):
            return f"{member} applies{' for the bench' if bench else ''}"
        case notices.ApplicationWithdrawn(_, member):
            return f"{member} takes its application back"
        case notices.AbilitiesGraded(_, graded):
            return f"{graded} applicants are graded"
        case notices.TeamFormed(_, leader, members):
            return f"{len(members)} members form the team; {leader} leads"
        case notices.MemberLeft(_, member, reason):
            return f"{member} {gone(reason)}"
        case notices.MemberJoined(_, member, _):
            return f"{member} joins from the bench"
        case notices.TeamFounded(team, leader):
            return f"{leader} founds {team}"
        case notices.TeamJoined(team, member):
            return f"{member} joins {team}"
    return ""


def _members(notice: notices.Notice) -> str:
    match notice:
        case notices.MemberAdmitted(member, roles):
            return f"{member} is admitted as {', '.join(roles)}"
        case notices.MemberSuspended(member):
            return f"{member} is suspended"
        case notices.MemberReinstated(member):
            return f"{member} is reinstated"
        case notices.RolesSet(member, roles):
            return f"{member} serves as {', '.join(roles) or 'nothing'} from now on"
        case notices.KeyReplaced(member, _, recovered):
            return f"{member} has a new key{', by recovery' if recovered else ''}"
        case notices.DeviceAdded(member, _):
            return f"{member} has one device more"
        case notices.DeviceRemoved(member, _):
            return f"{member} has one device less"
        case notices.SoftwareReported(member, _):
            return f"{member} says which software it runs"
        case notices.ValidatorNamed(member, _):
            return f"{member} names its validator"
        case notices.ProposalMade(_, member, change):
            return f"{member} proposes {change}"
        case notices.VoteCast(proposal, member, approve):
            return f"{member} votes {'for' if approve else 'against'} {proposal}"
        case notices.ProposalDecided(proposal, outcome):
            return f"{proposal} is {outcome}"
        case notices.TokensIssued(to, amount):
            return f"{amount:,} tokens are issued to {to}"
        case notices.TokensMoved(payer, payee, amount):
            return f"{payer} pays {payee} {amount:,} tokens"
        case notices.CreditGained(member, amount):
            return f"{member} gains {amount:,} of credit"
        case notices.CreditLost(member, amount):
            return f"{member} loses {amount:,} of credit"
    return ""


def _data(notice: notices.Notice) -> str:
    match notice:
        case notices.UnitRegistered(unit, owner, _):
            return f"{owner} registers {unit}"
        case notices.UnitWithdrawn(unit):
            return f"{unit} is withdrawn"
        case notices.UnitMoved(unit, owner):
            return f"{unit} is {owner}'s now"
        case notices.GrantAsked(_, unit, member):
            return f"{member} asks for a grant of {unit}"
        case notices.GrantGiven(_, unit, to):
            return f"a grant of {unit} is given to {to}"
        case notices.GrantDeclined(ask):
            return f"{ask} is declined"
        case notices.GrantRevoked(grant):
            return f"{grant} is revoked"
    return ""


def _chains(notice: notices.Notice) -> str:
    match notice:
        case notices.ValidatorsChanged(keys):
            return f"{len(keys)} validators sign blocks from now on"
        case notices.RulesUpgraded(version):
            return f"rules version {version} is in force"
        case notices.ChainRegistered(chain):
            return f"{chain} is registered"
        case notices.ChainFrozen(chain):
            return f"{chain} is frozen"
        case notices.ChainFollowed(chain, height, _):
            return f"{chain} is followed up to block {height:,}"
        case notices.MemberShown(member):
            return f"{member} is shown to be a member elsewhere"
        case notices.Alarm(fault):
            return f"alarm: {fault}"
    return ""


def evidence_sentence(evidence: Evidence) -> str:
    """By which scores a member was sent away."""
    if not evidence.of_judging:
        beside = f"the others {evidence.lowest:.3f} to {evidence.highest:.3f}"
        return f"in the middle they gave it {evidence.own:.3f}, {beside}"
    if evidence.astray is None:
        return ""
    author, theirs, its = evidence.astray
    return f"it gave {author} {its:.3f}, where in the middle the others gave {theirs:.3f}"
