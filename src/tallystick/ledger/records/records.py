"""The record that a request ends with, and what leads to it."""

from ...base.codec import Record


class FinalRecord(Record):
    """The record of a request: what was made, by whom, how good, who approved."""

    request: str
    recorder: str
    model: bytes
    figure: int | None
    rounds: int
    history: bytes
    contributions: tuple[tuple[str, int], ...]  # parts per million
    approving: int
    electorate: int
    reached: bool
    uncharged: tuple[str, ...]
    sources: tuple[tuple[str, str, str], ...]  # member, unit, grant
    custodians: tuple[str, ...]  # who measured the model holds its bytes and serves them
    stands: bool = True


class RecordDraft(Record):
    """A record that its electorate is deciding on."""

    recorder: str
    model: bytes
    figure: int
    content: bytes = b""  # the opened test set
    approving: int = 0  # how many approved it, once that is decided
    stated: int = 0  # how many have said what they measure


class Statement(Record):
    """What an approver measured; None when the model was not to be had."""

    figure: int | None


class Pair(Record):
    """How often a requester and a member have settled together."""

    settled: int
