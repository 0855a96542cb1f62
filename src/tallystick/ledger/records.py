"""The records of the state: what the ledger knows, one frozen record a thing, each under its own key."""

from typing import Literal

from ..base.codec import Record
from ..base.events import Event
from ..base.ids import Role
from .budgets.costs import NOTHING, Costs
from .rules import Rules
from .transactions import Change, Content, PrivacyBudget, Profile, Score, Sketch, Terms, UnitUse


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


class Device(Record):
    """A key that may post and report in its member's name."""

    key: bytes
    until: int


class Member(Record):
    """An organisation: its keys, roles and standing with the others."""

    member: str
    key: bytes
    encryption_key: bytes
    roles: tuple[Role, ...]
    active: bool = True
    devices: tuple[Device, ...] = ()
    software: bytes = b""


class Validators(Record):
    """Whose nodes vote on blocks, where the members' roles decide it: their keys, with equal power."""

    role: Role
    keys: tuple[bytes, ...]
    changed: int = 0  # the height that last changed them
    due: int = 0  # when the next step is tried, while one is outstanding


class ValidatorKey(Record):
    """The key with which a member's node votes on blocks, while its member may validate."""

    key: bytes


class Account(Record):
    """What a member has, and which of its transaction numbers are used."""

    balance: int = 0
    credit: int = 0
    low: int = 0
    ahead: tuple[int, ...] = ()  # used numbers above the lowest unused one
    seen: int = 0


class KeyUse(Record):
    """Whose key this is, for ever: keys are not used twice."""

    member: str


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


class Unit(Record):
    """A registered description of a data set."""

    unit: str
    owner: str
    name: str
    version: int
    lineage: str
    profile: Profile
    training_root: bytes
    judging_root: bytes
    address: str
    sketch: Sketch
    terms: Terms
    registered: int
    active: bool = True
    previous: str = ""
    derived_from: tuple[str, ...] = ()
    uses: int = 0
    citations: int = 0


class Lineage(Record):
    """The privacy budget that all versions and parts of a unit share, what is spent and reserved of it."""

    lineage: str
    budget: PrivacyBudget
    spent: Costs = NOTHING
    reserved: Costs = NOTHING
    unaccounted: int = 0
    owner: str = ""
    parts: tuple[str, ...] = ()  # the units on offer that draw on it


class Root(Record):
    """Which unit first registered these rows."""

    unit: str


class Ask(Record):
    """A member's question for a grant."""

    ask: str
    unit: str
    member: str
    purpose: str
    uses: int
    until: int


class Grant(Record):
    """An owner's permission for one member, purpose, time and number of uses."""

    grant: str
    unit: str
    owner: str
    to: str
    purpose: str
    until: int
    uses: int
    used: int = 0
    statistics_only: bool = False
    revoked: bool = False


Stage = Literal[
    "forming", "away", "opening", "rounds", "closing", "recording", "approving", "sealed", "certifying",
    "settled", "refunded",
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


class Application(Record):
    """A member that wants to serve a request."""

    member: str
    order: int
    preference: int
    ability: int
    amount: int
    units: tuple[UnitUse, ...]
    commitment: bytes | None
    analyst: bool
    locked: int  # what it stakes, held from the application on


class Listing(Record):
    """The candidates that were posted, in order."""

    members: tuple[str, ...]


class Team(Record):
    """Who serves a request now, who waits, and who has gone."""

    active: tuple[str, ...]
    bench: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


PlaceStatus = Literal[
    "active", "left", "evicted", "expelled", "released", "withdrawn", "forfeited", "replaced"
]


class Place(Record):
    """A member's place in a team: its stake, what it owed, what it missed, what it earned."""

    member: str
    deposit: int
    amount: int
    units: tuple[UnitUse, ...]
    order: int
    joined: int
    role: Literal["member", "leader", "analyst"]
    commitment: bytes | None = None
    status: PlaceStatus = "active"
    turns: int = 0
    missed: int = 0
    idle: int = 0
    forfeits: int = 0
    accepted: int = 0
    last_accepted: int = -1  # the last completed round with an accepted post
    present: int = 0  # completed rounds with an accepted model or share, and no scores kept back: paid ones
    gain: int = 0
    score: int | None = None
    measured: int | None = None  # the median of what the others measured in the closing phase
    earned: int = 0
    opened: bool = False  # a phase has opened for this member


class Reservation(Record):
    """What a place holds of a unit's budget for phases that have not opened yet."""

    unit: str
    lineage: str
    grant: str
    left: Costs
    events: tuple[tuple[str, Event], ...]


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


class StandingTeam(Record):
    """A team that stays together over requests."""

    team: str
    leader: str
    invited: tuple[str, ...]
    members: tuple[str, ...]


class Due(Record):
    """Something that a deadline will do."""

    what: Literal[
        "forming", "phase", "time", "record", "approve", "test", "certify", "proposal", "validators",
        "overdue",
    ]  # fmt: skip
    of: str
