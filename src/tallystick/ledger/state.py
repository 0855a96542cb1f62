"""The state as tables of records, and a draft of one block's changes over whatever an engine has stored."""

from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from msgspec.structs import replace

from ..base.codec import Decoder, Record, encode
from ..base.ids import derived_id
from . import records as r
from .chains.messages import ChainMessage
from .notices import Notice

R = TypeVar("R", bound=Record)

RECORD_VERSION = 1


class Reader(Protocol):
    """What an engine offers the ledger: its records by key, and keys in order."""

    def get(self, key: bytes) -> bytes | None: ...

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]: ...


@dataclass(frozen=True)
class StateTable(Generic[R]):
    """A kind of record and the prefix of its keys."""

    name: str
    type: type[R]
    decoder: Decoder[R]

    def key(self, *parts: str | int) -> str:
        """The key of a record; numbers are padded so that keys sort as numbers do."""
        if len(parts) == 1 and isinstance(parts[0], str):  # as nearly all are
            return f"{self.name}/{parts[0]}"
        return "/".join((self.name, *(part if isinstance(part, str) else f"{part:016d}" for part in parts)))

    def encode(self, record: R) -> bytes:
        """A record's stored bytes: its version, then its canonical encoding."""
        return bytes((RECORD_VERSION,)) + encode(record)

    def decode(self, data: bytes) -> R:
        """The record in stored bytes, by the version that they name."""
        return self.decoder(data[1:])


TABLES: dict[str, StateTable[Any]] = {}


def _table(name: str, type_: type[R]) -> StateTable[R]:
    table = StateTable(name, type_, Decoder(type_))
    TABLES[name] = table
    return table


CHAIN = _table("chain", r.Chain)
MEMBERS = _table("member", r.Member)
ACCOUNTS = _table("account", r.Account)
KEYS = _table("key", r.KeyUse)
PROPOSALS = _table("proposal", r.Proposal)
ELECTORATES = _table("electorate", r.Names)
BALLOTS = _table("ballot", r.Ballot)
UNITS = _table("unit", r.Unit)
UNIT_NAMES = _table("unitname", r.Claim)
LINEAGES = _table("lineage", r.Lineage)
ROOTS = _table("root", r.Claim)
ASKS = _table("ask", r.Ask)
GRANTS = _table("grant", r.Grant)
REQUESTS = _table("request", r.Request)
PROGRESS = _table("progress", r.Progress)
LIVE_REQUESTS = _table("live", r.LiveRequest)
APPLICATIONS = _table("application", r.Application)
LISTINGS = _table("listing", r.Listing)
TEAMS = _table("team", r.Team)
PLACES = _table("place", r.Place)
RESERVATIONS = _table("reservation", r.Reservation)
PHASES = _table("phase", r.Phase)
POSTS = _table("post", r.Posting)
ROUNDS = _table("round", r.RoundState)
RECORD_DRAFTS = _table("recorddraft", r.RecordDraft)
STATEMENTS = _table("statement", r.Statement)
RECORDS = _table("record", r.FinalRecord)
PAIRS = _table("pair", r.Pair)
STANDING_TEAMS = _table("standing", r.StandingTeam)
DUE = _table("due", r.Due)
VALIDATORS = _table("validators", r.Validators)
VALIDATOR_KEYS = _table("validator", r.ValidatorKey)
OTHER_CHAINS = _table("otherchain", r.OtherChain)
MESSAGES = _table("message", ChainMessage)
ALLOCATIONS = _table("allocation", r.Allocation)
REVOKED = _table("revoked", r.Revoked)


@dataclass
class Draft:
    """One block's changes: what is decided so far, and on top what the running transaction has written."""

    reader: Reader
    chain: str
    height: int
    time: int
    decided: dict[str, Any] = field(default_factory=dict)
    pending: dict[str, Any] = field(default_factory=dict)
    loaded: dict[str, Any] = field(default_factory=dict)
    written: dict[str, dict[str, None]] = field(default_factory=dict)  # keys by table, for `scan`
    notices: list[Notice] = field(default_factory=list)
    number: int = 0  # of the running transaction, from which new ids derive
    sender: str = ""

    def find(self, table: StateTable[R], *parts: str | int) -> R | None:
        """The record under this key, or None."""
        key = table.key(*parts)
        for layer in (self.pending, self.decided, self.loaded):
            if key in layer:
                known: R | None = layer[key]
                return known
        data = self.reader.get(key.encode())
        record = None if data is None else table.decode(data)
        self.loaded[key] = record
        return record

    def get(self, table: StateTable[R], *parts: str | int) -> R:
        """The record under this key, which is there."""
        record = self.find(table, *parts)
        if record is None:
            raise LookupError(table.key(*parts))
        return record

    def put(self, table: StateTable[R], record: R | None, *parts: str | int) -> None:
        """Write a record, or that there is none."""
        key = table.key(*parts)
        self.pending[key] = record
        self.written.setdefault(table.name, {})[key] = None

    def change(self, table: StateTable[R], *parts: str | int, **fields: Any) -> R:
        """Write the record under this key, which is there, with other values in these fields."""
        record = replace(self.get(table, *parts), **fields)
        self.put(table, record, *parts)
        return record

    def add(self, table: StateTable[R], *parts: str | int, **amounts: int) -> R:
        """Write the record under this key, which is there, with so much more in these fields."""
        record = self.get(table, *parts)
        more = {field: getattr(record, field) + amount for field, amount in amounts.items()}
        return self.change(table, *parts, **more)

    def delete(self, table: StateTable[R], *parts: str | int) -> None:
        """Remove a record, where there is one."""
        if self.find(table, *parts) is not None:
            self.put(table, None, *parts)

    def scan(self, table: StateTable[R], *parts: str | int, limit: int = 1 << 62) -> list[tuple[str, R]]:
        """Records whose keys begin with these parts, in the order of their keys."""
        prefix = table.key(*parts) + "/"
        changed = {
            key: layer[key]
            for layer in (self.decided, self.pending)
            for key in self.written.get(table.name, ())
            if key.startswith(prefix) and key in layer
        }
        most = min(limit + len(changed), 1 << 62)
        records = {key.decode(): table.decode(data) for key, data in self.reader.scan(prefix.encode(), most)}
        records.update(changed)
        return [(key, records[key]) for key in sorted(records) if records[key] is not None][:limit]

    def new_id(self, kind: str) -> str:
        """The id of what the running transaction makes; what a main chain calls things stays its own."""
        maker = f"{self.sender}@{self.chain}" if self.get(CHAIN).main else self.sender
        return derived_id(kind, maker, self.number)

    def emit(self, notice: Notice) -> None:
        """Say what changed."""
        self.notices.append(notice)

    def keep(self) -> None:
        """Decide what is pending."""
        self.decided.update(self.pending)
        self.pending.clear()

    def drop(self, notices: int) -> None:
        """Forget what is pending and what was said of it since `notices`."""
        self.pending.clear()
        del self.notices[notices:]

    def writes(self) -> dict[bytes, bytes | None]:
        """What this block changes, encoded, in the order of the keys."""
        writes: dict[bytes, bytes | None] = {}
        for key, record in sorted(self.decided.items()):
            if record is not None:
                writes[key.encode()] = TABLES[key.partition("/")[0]].encode(record)
            elif self.reader.get(key.encode()) is not None:
                writes[key.encode()] = None
        return writes
