"""One validator's copy of the ledger: the committed state, and what blocks under way would make of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, final

from msgspec.structs import replace

from ...base import light
from ...base.codec import encode
from ...ledger.notices import Notice
from ...ledger.transition import Block, Receipt
from ..chain import (
    BlockEntry,
    HeaderChain,
    Origin,
    decode_entry,
    decode_origin,
    index_of,
    milliseconds,
    nanoseconds,
    origin_of,
    result_of,
)
from ..engine import EngineError, LedgerMachine, LedgerOutcome
from ..storage.blocklog import NOTHING, seal
from ..storage.blocks import Blocks
from ..storage.database import DamagedStore
from ..storage.lookup import Index
from ..storage.memory import Writes
from ..storage.opening import DATABASE, StorageSettings, load_checked, set_aside
from ..storage.store import encode_writes
from ..storage.tree import StateTree
from .abci import ProposedBlock
from .waiting import ReadOnce, VerifiedSignatures

CANDIDATES: Final = 4  # blocks whose outcome is kept: of the rounds of one height


class Halt(Exception):
    """This validator must stop rather than go on wrongly; the message says why and what to do."""


@dataclass(frozen=True)
class Decided:
    """A block that is decided and not yet committed; the tree is already at its state."""

    block: ProposedBlock
    outcome: LedgerOutcome
    entry: BlockEntry
    updates: tuple[tuple[bytes, int], ...]
    undo: Writes
    encoded: bytes  # the write-set
    results: tuple[bytes, ...]  # of the transactions, as the engine hashes them


@final
class Replica:
    """The state of a chain on disk and in memory; only `commit` changes what is on disk."""

    def __init__(
        self, folder: Path, genesis: bytes, machine: LedgerMachine, settings: StorageSettings | None = None
    ) -> None:
        self.folder = folder
        self.genesis = genesis
        self.machine = machine
        self.verify = VerifiedSignatures()
        self.read = ReadOnce(machine.read)
        self.repairs: list[str] = []
        self._settings = settings or StorageSettings()
        self._candidates: dict[bytes, LedgerOutcome] = {}
        self._decided: Decided | None = None
        self.chain: HeaderChain | None = None
        self.whole = True  # whether it has every block: not where it began with a snapshot
        folder.mkdir(parents=True, exist_ok=True)
        self.store = self._settings.store(folder)
        self._load()

    # Opening, beginning, closing

    def _load(self) -> None:
        """The newest block on disk; a damaged copy is set aside, and the engine replays its blocks."""
        self.height, self.time, self.tree = 0, 0, StateTree()
        try:
            self.store.load()
            if self.store.height >= 0:
                self._adopt(load_checked(self.store, self.machine))
        except DamagedStore as damage:
            self.store.abandon()
            aside = set_aside(self.folder, self.folder.glob(f"{DATABASE}*"), self._settings.disk)
            self.repairs.append(f"{damage}; the engine replays its blocks, the old files are in {aside}")
            self.store = self._settings.store(self.folder)

    def _adopt(self, tree: StateTree) -> None:
        """The store as it was loaded is the state, with this tree over it."""
        chain = self.chain = HeaderChain.of(decode_origin(self.store.frame(0).payload))
        self.tree = tree
        self.blocks = Blocks(self.store, self.machine, chain)
        self.height, self.time = self.store.height, chain.time
        self.whole = not self.height or self.store.has_block(1)
        if self.height:
            entry = decode_entry(self.store.frame(self.height).payload)
            self.time = milliseconds(light.HEADER.decode(entry.header).time)

    def begin(self, genesis: bytes, chain: str) -> None:
        """The state before the first block; asked for again when the first block was never committed."""
        if genesis != self.genesis:
            raise Halt("the engine's genesis begins another ledger than genesis.toml; make the two alike")
        origin, writes = self._first(chain)
        if self.store.height < 0:
            frame = seal(0, NOTHING, encode(origin))
            self.store.append(0, frame, writes, encode_writes(writes), Index())
        elif self.store.height > 0 or decode_origin(self.store.frame(0).payload) != origin:
            raise Halt(f"{self.folder} holds another ledger than the engine's; move one of the two away")
        self._decided = None
        self._candidates.clear()
        self._adopt(StateTree.build(writes.items()))

    def _first(self, chain: str) -> tuple[Origin, Mapping[bytes, bytes]]:
        """What the genesis begins with."""
        genesis = self.machine.genesis(self.genesis)
        if genesis.chain != chain:
            raise Halt(f"the engine's chain is {chain!r}, the ledger's {genesis.chain!r}")
        writes = self.machine.first_writes(genesis)
        validators = validators_in(self.machine, writes)
        if not validators:
            raise Halt("the genesis names no member whose node validates; `tally network init` writes one")
        root = StateTree.build(writes.items()).root
        return origin_of(genesis, validators, root, encode_writes(writes)), writes

    def close(self) -> None:
        self.store.close()

    # The committed state

    @property
    def root(self) -> bytes:
        """The root of the committed state."""
        if self._decided is None:
            return self.tree.root
        return light.HEADER.decode(self._decided.entry.header).app_hash

    @property
    def between(self) -> bool:
        """Whether the tree is ahead of the committed state: a block is decided and not yet committed."""
        return self._decided is not None

    def check(self, transaction: bytes) -> Receipt:
        """Whether a block may hold a transaction, as far as the newest state tells."""
        return self.machine.check(self.store, self.read(transaction), self.next_block(), self.verify)

    def next_block(self) -> Block:
        """Where a transaction would run that came now: the newest block's time is all that is known."""
        return self.machine.block(self._chain().name, self.height + 1, self.time)

    def due(self) -> int | None:
        """The earliest deadline, in milliseconds."""
        return self.machine.next_deadline(self.store) if self.chain else None

    def validators(self) -> tuple[bytes, ...]:
        return self.machine.validators(self.store)

    def _chain(self) -> HeaderChain:
        if self.chain is None:
            raise EngineError("this ledger has not begun yet; wait for the validator to start")
        return self.chain

    # Blocks under way

    def execute(self, block: ProposedBlock) -> LedgerOutcome:
        """What a block does; the same block is executed once, however often it is asked about."""
        name = candidate_name(block)
        outcome = self._candidates.get(name)
        if outcome is None:
            at = self.machine.block(self._chain().name, block.height, milliseconds(block.time))
            outcome = self.machine.apply_block(
                self.store, [self.read(data) for data in block.transactions], at, self.verify
            )
            self._keep(name, outcome)
        return outcome

    def prepare(self, block: ProposedBlock) -> tuple[bytes, ...]:
        """Those of the transactions that leave a trace; what they do is kept for the proposal they make."""
        outcome = self.execute(block)
        receipts = outcome.receipts
        kept = [place for place, receipt in enumerate(receipts) if leaves_a_trace(receipt)]
        transactions = tuple(block.transactions[place] for place in kept)
        if len(kept) < len(receipts):
            # What leaves no trace changes nothing for the others, so that nothing is executed again.
            less = Shortened(outcome.writes, [receipts[place] for place in kept], outcome.notices)
            self._keep(candidate_name(block._replace(transactions=transactions)), less)
        return transactions

    def _keep(self, name: bytes, outcome: LedgerOutcome) -> None:
        self._candidates[name] = outcome
        while len(self._candidates) > CANDIDATES:
            del self._candidates[next(iter(self._candidates))]

    def decide(self, block: ProposedBlock) -> Decided:
        """Take a decided block's outcome as the state that `commit` will make durable."""
        if self._decided is not None and self._decided.block == block:
            return self._decided
        self._forget_decided()
        if block.height != self.height + 1:
            raise Halt(f"the engine decided block {block.height}, the state is that of block {self.height}")
        outcome = self.execute(block)
        writes, before = outcome.writes, self.tree.root
        encoded, updates = encode_writes(writes), self._updates(writes)
        undo = {key: self.store.get(key) for key in writes}
        results = tuple(light.result_bytes(result_of(receipt)) for receipt in outcome.receipts)
        entry = self._entry(block, outcome, results, encoded, before, self.tree.update(writes))
        self._decided = Decided(block, outcome, entry, updates, undo, encoded, results)
        return self._decided

    def _updates(self, writes: Writes) -> tuple[tuple[bytes, int], ...]:
        """Whose power changes: the difference of the two sets, each key once."""
        before, after = self.validators(), validators_in(self.machine, writes)
        if not after or after == before:
            return ()
        gone = [(key, 0) for key in before if key not in after]
        return (*[(key, 1) for key in after if key not in before], *gone)

    def _entry(
        self,
        block: ProposedBlock,
        outcome: LedgerOutcome,
        results: tuple[bytes, ...],
        encoded: bytes,
        before: bytes,
        root: bytes,
    ) -> BlockEntry:
        """What is kept of a block: the parts of its header that the application is told, and no commit.

        The engine keeps the whole header and the commit, in its own store.
        """
        header = light.Header(
            version=(light.BLOCK_PROTOCOL, 1),
            chain=self._chain().name,
            height=block.height,
            time=block.time,
            last_block=light.BlockId(),
            last_commit_hash=b"",
            data_hash=light.data_hash(block.transactions),
            validators_hash=b"",
            next_validators_hash=block.next_validators_hash,
            consensus_hash=b"",
            app_hash=before,
            last_results_hash=b"",
            evidence_hash=b"",
            proposer=block.proposer,
        )
        return BlockEntry(
            header=light.HEADER.encode(header),
            transactions=block.transactions,
            commit=light.COMMIT.encode(light.Commit()),
            receipts=tuple(map(encode, outcome.receipts)),
            notices=tuple(map(encode, outcome.notices)),
            app_hash=root,
            results_hash=light.merkle_root(results),
            writes=sha256(encoded).digest(),
        )

    def commit(self) -> Decided:
        """Make the decided block durable: records, height and root in one transaction of the database."""
        decided = self._decided
        if decided is None:
            raise Halt("the engine commits a block that it has not decided")
        outcome, height = decided.outcome, decided.block.height
        frame = seal(height, self.store.frame(height - 1).digest, encode(decided.entry))
        self.store.append(height, frame, outcome.writes, decided.encoded, index_of(outcome.receipts))
        self.height, self.time = height, milliseconds(decided.block.time)
        self._decided = None
        self._candidates.clear()
        return decided

    def _forget_decided(self) -> None:
        """Go back to the committed state."""
        if self._decided is not None:
            self.tree.update(self._decided.undo)
            self._decided = None

    def restore(self, height: int, records: Mapping[bytes, bytes], tree: StateTree) -> None:
        """Take a whole state, verified by its root, as that which the block of this height left."""
        if self.store.height >= 0:
            raise Halt(f"{self.folder} holds a ledger already; a snapshot is for an empty folder")
        origin, _ = self._first(self.machine.genesis(self.genesis).chain)
        self.chain = HeaderChain.of(origin)
        block = ProposedBlock((), b"", height, nanoseconds(origin.time), b"", b"")
        outcome = Shortened({}, [], ())
        entry = self._entry(block, outcome, (), encode_writes({}), tree.root, tree.root)
        unknown = replace(entry, commit=b"")  # what this block did is not in a snapshot
        self.store.restore(height, encode(origin), encode(unknown), records)
        self._adopt(tree)


@dataclass(frozen=True)
class Shortened:
    """A block's outcome without the transactions that left no trace."""

    writes: Writes
    receipts: Sequence[Receipt]
    notices: Sequence[Notice]


def leaves_a_trace(receipt: Receipt) -> bool:
    """Whether a transaction was authentic and within its member's limits, so that a block may hold it."""
    return receipt.code == 0 or bool(receipt.member)


def candidate_name(block: ProposedBlock) -> bytes:
    """Two blocks of this name do the same: they have height, time and transactions in common."""
    state = sha256(f"{block.height} {block.time}".encode())
    for transaction in block.transactions:
        state.update(sha256(transaction).digest())
    return state.digest()


@dataclass(frozen=True)
class _Written:
    """Writes, read as a state of their own."""

    writes: Writes

    def get(self, key: bytes) -> bytes | None:
        return self.writes.get(key)

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        within = ((key, value) for key, value in sorted(self.writes.items()) if key.startswith(prefix))
        return [(key, value) for key, value in within if value is not None][:limit]


def validators_in(machine: LedgerMachine, writes: Writes) -> tuple[bytes, ...]:
    """The validators that these writes put into the state; none where they leave them as they are."""
    return machine.validators(_Written(writes))
