"""The chain itself, who votes on its blocks, and other chains as they are known here."""

from ...base.codec import Record
from ...base.events import Event
from ...base.ids import Role
from ..budgets.costs import Costs
from ..transactions import ChainTerms, SigningPowers


class Chain(Record):
    """The chain's own figures: identity, money, limits, the version of its rules."""

    chain: str
    cap: int
    issued: int
    pool: int
    members: int
    version: int = 1
    next_version: int = 0
    upgrade_height: int = 0
    vote_wait: int = 7 * 86_400_000
    vote_delay: int = 0
    dormant_after: int = 90 * 86_400_000
    block_weight: int = 20_000
    member_weight: int = 5_000
    due_limit: int = 256
    readers: tuple[tuple[str, tuple[Role, ...]], ...] = ()
    validators: tuple[bytes, ...] = ()
    main: str = ""  # where members and money are, if that is another chain


class Validators(Record):
    """Whose nodes vote on blocks, where the members' roles decide it: their keys, with equal power."""

    role: Role
    keys: tuple[bytes, ...]
    changed: int = 0  # the height that last changed them
    due: int = 0  # when the next step is tried, while one is outstanding


class ValidatorKey(Record):
    """The key with which a member's node votes on blocks, while its member may validate."""

    key: bytes


class OtherChain(Record):
    """Another chain as it is known here: its newest header, who signs next, what is with it."""

    terms: ChainTerms
    main: bool  # it holds the members and the money of requests that run here
    header: bytes
    time: int  # the header's, in milliseconds
    validators: SigningPowers
    escrow: int = 0  # rewards and deposits of requests that are there now
    frozen: bool = False


class Allocation(Record):
    """What a member may spend of a unit where a request's rounds run: reserved on the main chain."""

    unit: str
    grant: str
    until: int
    left: Costs
    events: tuple[tuple[str, Event], ...]
    unaccounted: int = 0


class Revoked(Record):
    """A grant of the main chain that is known here to be taken back."""

    time: int
