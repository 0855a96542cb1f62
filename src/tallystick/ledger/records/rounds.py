"""The running round of a request: its phases and posts, and what it has shown."""

from ...base.codec import Record
from ..transactions import Content, Score


class Phase(Record):
    """A phase of the running round: who owes, what it is about, how much is in."""

    round: int
    name: str
    deadline: int
    owed: tuple[str, ...]
    subjects: tuple[str, ...] = ()
    circle: tuple[str, ...] = ()  # the drawn order of judges or groups
    revealing: bool = False
    cursor: int = 0  # of a phase served one by one
    posted: int = 0
    committed: int = 0
    revealed: int = 0


class Posting(Record):
    """One member's post in one phase."""

    member: str
    order: int
    content: Content
    accepted: bool = True
    values: tuple[Score, ...] | None = None  # a vector of scores once it is known


class RoundState(Record):
    """What a running round has shown so far."""

    counted: bool = True  # no phase has failed its quorum
    authors: tuple[tuple[str, bytes], ...] = ()  # accepted models of the result phase in order
    hashes: tuple[bytes, ...] = ()  # every plaintext hash posted in this round
    start: int | None = None
    judged: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()  # phase: what its posts are worth
    idle: tuple[str, ...] = ()
    forfeited: tuple[str, ...] = ()
    faulty: tuple[str, ...] = ()
