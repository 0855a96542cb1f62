"""Changes that were put to the vote, and who voted how."""

from typing import Literal

from ...base.codec import Record
from ..transactions import Change


class Proposal(Record):
    """A change put to the vote of a frozen electorate."""

    proposal: str
    member: str
    change: Change
    stage: Literal["open", "passed", "effective", "lapsed", "void"]
    deadline: int
    electorate: int
    approvals: int = 0
    refusals: int = 0


class Names(Record):
    """A frozen list of members."""

    members: tuple[str, ...]


class Ballot(Record):
    """One member's vote."""

    approve: bool
