"""Blocks as CometBFT 0.38 makes them: what a header says of those before it, who signs it, when it is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self, final

from ..base import light
from ..base.codec import Decoder, Record, encode
from ..base.keys import Signer, verify
from ..ledger.genesis import Genesis
from ..ledger.state import Reader
from ..ledger.transactions import Unsealed
from ..ledger.transition import Receipt
from .engine import LedgerMachine, LedgerOutcome, Verify
from .storage.lookup import Index
from .storage.store import encode_writes

FORMAT: Final = 1
POWER: Final = 1  # every validator's
IOTA: Final = 1  # a vote is at least this many milliseconds later than its block
# Headers commit to the consensus parameters: CometBFT's default of bytes in a block, gas not limited.
CONSENSUS: Final = light.consensus_hash(22_020_096, -1)


class Origin(Record):
    """What stands before the first block: the genesis, who signs, the state that it makes."""

    format: int
    chain: str
    time: int
    genesis: bytes
    validators: tuple[bytes, ...]
    app_hash: bytes
    writes: bytes  # digest of the first write-set


class BlockEntry(Record):
    """A block as it is kept: what was signed, and what it did."""

    header: bytes
    transactions: tuple[bytes, ...]
    commit: bytes
    receipts: tuple[bytes, ...]
    notices: tuple[bytes, ...]  # of what came due before the first transaction
    app_hash: bytes  # after the block, as the next header says too
    results_hash: bytes
    writes: bytes  # digest of the write-set


decode_origin = Decoder(Origin)
decode_entry = Decoder(BlockEntry)


class Mismatch(Exception):
    """A block is not what its chain and its rules make of it."""


@final
@dataclass(frozen=True)
class Head:
    """The newest block, as far as the next one builds on it. Times are in milliseconds."""

    height: int
    time: int
    stated: bytes  # the state that the block's own header names: what the block before it left
    app_hash: bytes  # the state that the block left
    results_hash: bytes
    commit: light.Commit
    next_time: int  # the next block's: the median of this one's votes


@final
@dataclass(frozen=True)
class HeaderChain:
    """What never changes along a chain."""

    name: str
    time: int  # the genesis'
    format: int
    genesis: bytes  # its digest
    app_hash: bytes  # the state that it makes
    validators: tuple[light.Validator, ...]
    validators_hash: bytes

    @classmethod
    def of(cls, origin: Origin) -> Self:
        validators = [light.Validator(public, POWER) for public in origin.validators]
        validators.sort(key=lambda validator: light.address(validator.public))
        return cls(
            name=origin.chain,
            time=origin.time,
            format=origin.format,
            genesis=sha256(origin.genesis).digest(),
            app_hash=origin.app_hash,
            validators=tuple(validators),
            validators_hash=light.validators_hash(validators),
        )

    def first_head(self) -> Head:
        """What the first block builds on."""
        return Head(0, self.time, b"", self.app_hash, light.EMPTY, light.Commit(), self.time)

    def head_of(self, entry: BlockEntry) -> Head:
        """A kept block as the head."""
        header, commit = light.HEADER.decode(entry.header), light.COMMIT.decode(entry.commit)
        return self.head_after(header, commit, entry)

    def head_after(self, header: light.Header, commit: light.Commit, entry: BlockEntry) -> Head:
        return Head(
            height=header.height,
            time=milliseconds(header.time),
            stated=header.app_hash,
            app_hash=entry.app_hash,
            results_hash=entry.results_hash,
            commit=commit,
            next_time=milliseconds(median(commit)),
        )

    def next_header(self, head: Head, transactions: Sequence[bytes]) -> light.Header:
        """The header of the block that follows `head` with these transactions."""
        return light.Header(
            version=(light.BLOCK_PROTOCOL, self.format),
            chain=self.name,
            height=head.height + 1,
            time=nanoseconds(head.next_time),
            last_block=head.commit.block,
            last_commit_hash=light.commit_hash(head.commit),
            data_hash=light.data_hash(transactions),
            validators_hash=self.validators_hash,
            next_validators_hash=self.validators_hash,
            consensus_hash=CONSENSUS,
            app_hash=head.app_hash,
            last_results_hash=head.results_hash,
            evidence_hash=light.EMPTY,
            proposer=light.address(self.validators[head.height % len(self.validators)].public),
        )

    def sign(
        self, header: light.Header, block: light.BlockId, keys: Mapping[bytes, Signer], now: int
    ) -> light.Commit:
        """The votes of those whose keys are here."""
        time = max(nanoseconds(now), header.time + nanoseconds(IOTA))
        message = light.sign_bytes(self.name, header.height, 0, block, time)
        votes = (
            light.CommitVote(light.COMMITTED, light.address(public), time, keys[public].sign(message))
            if public in keys
            else light.CommitVote()
            for public in (validator.public for validator in self.validators)
        )
        return light.Commit(header.height, 0, block, tuple(votes))

    def ensure_follows(self, head: Head, entry: BlockEntry) -> Head:
        """The block as the head, if it follows `head` and its validators signed it."""
        height = head.height + 1
        try:
            header, commit = light.HEADER.decode(entry.header), light.COMMIT.decode(entry.commit)
            expected = self.next_header(head, entry.transactions)
            for name, value, due in zip(header._fields, header, expected, strict=True):
                if value != due:
                    raise Mismatch(f"block {height}: {name} in its header is {value!r}, not {due!r}")
            block = light.block_id(light.WholeBlock(header, entry.transactions, (), head.commit))
            light.verify_commit(self.name, self.validators, block, height, commit)
        except light.NotProven as error:
            raise Mismatch(f"block {height}: {error}") from None
        following = self.head_after(header, commit, entry)
        if following.next_time <= following.time:
            raise Mismatch(f"block {height}: its votes are not later than the block")
        return following


def median(commit: light.Commit) -> int:
    """The time that a commit's votes agree on: with equal powers their median (BFT time)."""
    times = sorted(vote.time for vote in commit.votes if vote.flag == light.COMMITTED)
    return times[(len(times) - 1) // 2]


def nanoseconds(milliseconds: int) -> int:
    return milliseconds * 1_000_000


def milliseconds(nanoseconds: int) -> int:
    return nanoseconds // 1_000_000


def origin_of(genesis: Genesis, validators: tuple[bytes, ...], root: bytes, writes: bytes) -> Origin:
    """The origin of a chain; `writes` is its encoded first write-set."""
    begun, data = (FORMAT, genesis.chain, genesis.time), encode(genesis)
    return Origin(*begun, data, validators, root, sha256(writes).digest())


def results_hash(receipts: Iterable[Receipt]) -> bytes:
    """What the next header says of these receipts."""
    return light.results_hash([result_of(receipt) for receipt in receipts])


def result_of(receipt: Receipt) -> light.Result:
    return light.Result(receipt.code, receipt.digest())


def index_of(receipts: Sequence[Receipt]) -> Index:
    """What of a block can be looked up."""
    return Index([receipt.transaction for receipt in receipts], [receipt.member for receipt in receipts])


def replay(
    machine: LedgerMachine,
    chain: HeaderChain,
    state: Reader,
    entry: BlockEntry,
    good: Verify = verify,
    read: Sequence[Unsealed] | None = None,
) -> LedgerOutcome:
    """Execute a kept block again; refuse it where it says that it did something else.

    `read` are its transactions where they were decoded already, out of the same entry.
    """
    header = light.HEADER.decode(entry.header)
    block = machine.block(chain.name, header.height, milliseconds(header.time))
    transactions = [machine.read(data) for data in entry.transactions] if read is None else read
    outcome = machine.apply_block(state, transactions, block, good)
    receipts = tuple(machine.receipt(data) for data in entry.receipts)
    for place, (kept, made) in enumerate(zip(receipts, outcome.receipts, strict=False)):
        if kept != made:
            raise Mismatch(f"block {header.height}: transaction {place} should have {made!r}, not {kept!r}")
    if len(receipts) != len(outcome.receipts) or len(receipts) != len(entry.transactions):
        raise Mismatch(
            f"block {header.height} has {len(entry.transactions)} transactions, {len(receipts)} receipts"
        )
    if tuple(machine.notice(data) for data in entry.notices) != tuple(outcome.notices):
        raise Mismatch(f"block {header.height}: what came due is not what it says")
    if results_hash(outcome.receipts) != entry.results_hash:
        raise Mismatch(f"block {header.height}: its results hash is not that of its receipts")
    if sha256(encode_writes(outcome.writes)).digest() != entry.writes:
        raise Mismatch(f"block {header.height}: it writes something else than it says")
    return outcome
