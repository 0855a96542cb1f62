"""Requests, how far they have come, and which of them are live."""

from typing import Literal

from ...base.codec import Record
from ..rules import Rules

Stage = Literal[
    "forming", "away", "opening", "rounds", "closing", "recording", "approving", "sealed", "certifying",
    "settled", "refunded",
]  # fmt: skip

DueStep = Literal[
    "forming", "phase", "time", "record", "approve", "test", "certify", "proposal", "validators", "overdue",
]  # fmt: skip


class Request(Record):
    """What a requester posted; it never changes."""

    request: str
    member: str
    category: str
    purpose: str
    plan: bytes
    reward: int
    rules: Rules
    reuse_key: bytes
    query: bytes
    parent: str
    initial: bytes
    posted: int
    chain: str = ""  # where its rounds run, if that was not left to the chain that holds its reward


class Progress(Record):
    """How far a request has come."""

    stage: Stage
    escrow: int
    deadline: int  # of the stage; of a phase, its own
    purchased: int = 0  # of the escrow, by its analyst
    applications: int = 0
    leader: str = ""
    analyst: str = ""
    final: int = 0  # of a request with another chain: no outcome is made from this time on
    # its rounds
    until: int = 0  # when they must end
    round: int = 0
    phase: int = -1  # the open phase's place among all phases
    seed: bytes = b""
    figures: tuple[int, ...] = ()  # how good the start of each judged round was
    history: bytes = b""  # digest over all finished rounds
    # what they have made
    completed: int = 0  # rounds that count
    model: bytes = b""  # the last accepted result
    author: str = ""
    figure: int | None = None  # what the team measured last on the model that stands
    # its record
    recorders: tuple[str, ...] = ()  # the electorate, best first
    attempt: int = 0
    reached: bool = False
    outcome: str = ""


class LiveRequest(Record):
    """That a request has not ended, and who acts for it outside its team."""

    member: str  # who posted it
    grader: str = ""  # who grades its applicants


class Due(Record):
    """Something that a deadline will do."""

    step: DueStep
    of: str
