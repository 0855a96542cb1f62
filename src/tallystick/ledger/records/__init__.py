"""The records of the state: what the ledger knows, one frozen record a thing, each under its own key."""

from .chains import Allocation, Chain, OtherChain, Revoked, ValidatorKey, Validators
from .grants import Ask, Grant, Reservation
from .members import Account, Device, KeyUse, Member
from .records import FinalRecord, Pair, RecordDraft, Statement
from .requests import Due, DueStep, LiveRequest, Progress, Request, Stage
from .rounds import Phase, Posting, RoundState
from .teams import Application, Listing, Place, PlaceStatus, StandingTeam, Team
from .units import Claim, Lineage, Unit
from .votes import Ballot, Names, Proposal

__all__ = [
    "Account",
    "Allocation",
    "Application",
    "Ask",
    "Ballot",
    "Chain",
    "Claim",
    "Device",
    "Due",
    "DueStep",
    "FinalRecord",
    "Grant",
    "KeyUse",
    "Lineage",
    "Listing",
    "LiveRequest",
    "Member",
    "Names",
    "OtherChain",
    "Pair",
    "Phase",
    "Place",
    "PlaceStatus",
    "Posting",
    "Progress",
    "Proposal",
    "RecordDraft",
    "Request",
    "Reservation",
    "Revoked",
    "RoundState",
    "Stage",
    "StandingTeam",
    "Statement",
    "Team",
    "Unit",
    "ValidatorKey",
    "Validators",
]
