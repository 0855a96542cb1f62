"""What every engine offers: submit, wait, read, subscribe, prove; and a ledger as the functions it drives."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, Self, TypeAlias, TypeVar, cast, final

from ..base import light
from ..base.codec import Decoder
from ..ledger import genesis, transition
from ..ledger.genesis import Genesis
from ..ledger.handlers import WEIGHTS
from ..ledger.notices import Notice
from ..ledger.state import Reader
from ..ledger.transactions import Unsealed, name_of, unseal
from ..ledger.transition import Block, Receipt

Verify = Callable[[bytes, bytes, bytes], bool]  # public key, message, signature


class EngineError(Exception):
    """The engine could not do what was asked; the message says why and what to do."""


class NoLedger(EngineError):
    """There is no ledger in this folder."""


class LedgerInUse(EngineError):
    """Another process writes this ledger."""


class LedgerDamaged(EngineError):
    """What is on disk is not what was written, and cannot be repaired from the other copy."""


class UnknownRules(EngineError):
    """The chain follows rules that this program does not know."""


class EngineStopped(EngineError):
    """After a failure the engine takes nothing more until it is opened again."""


class LedgerUnreachable(EngineError):
    """Nobody who keeps this ledger answers just now."""


class NotTaken(EngineError):
    """A transaction was not taken now, and may be later: as much waits as may wait."""


class NotCommitted(EngineError):
    """It is not known what became of a transaction: `digest` is what it is looked up by."""

    def __init__(self, digest: bytes, why: str) -> None:
        super().__init__(
            f"{why}; it may still be taken: look it up with `tally ledger show tx {digest.hex()}` "
            "before you send another"
        )
        self.digest = digest


class CodedReceipt(Protocol):
    """What became of a transaction, as far as an engine must know."""

    @property
    def transaction(self) -> bytes: ...

    @property
    def code(self) -> int: ...

    @property
    def member(self) -> str: ...

    def digest(self) -> bytes: ...


G = TypeVar("G")  # the genesis
R = TypeVar("R", bound=CodedReceipt)
N = TypeVar("N")  # a notice
T = TypeVar("T")  # a transaction that was read
Kind = TypeVar("Kind")
ReceiptOf = TypeVar("ReceiptOf", covariant=True)
NoticeOf = TypeVar("NoticeOf", covariant=True)


class BlockOutcome(Protocol[ReceiptOf, NoticeOf]):
    """What a block did."""

    @property
    def writes(self) -> Mapping[bytes, bytes | None]: ...

    @property
    def receipts(self) -> Sequence[ReceiptOf]: ...

    @property
    def notices(self) -> Sequence[NoticeOf]: ...


@dataclass(frozen=True)
class Machine(Generic[G, R, N, T]):
    """A ledger's rules: pure functions of the state, and the types whose bytes an engine keeps."""

    read: Callable[[bytes], T]  # a transaction, whatever its bytes; all the others take what was read
    apply_block: Callable[[Reader, Sequence[T], Block, Verify], BlockOutcome[R, N]]
    check: Callable[[Reader, T, Block, Verify], R]
    next_deadline: Callable[[Reader], int | None]
    first_writes: Callable[[G], Mapping[bytes, bytes]]
    block: Callable[[str, int, int], Block]  # chain, height, time in milliseconds
    genesis: Decoder[G]
    receipt: Decoder[R]
    notice: Decoder[N]
    signature: Callable[[T], tuple[bytes, bytes, bytes] | None]  # to be verified ahead
    weight: Callable[[R], int]  # of what `check` gave a receipt
    limits: Callable[[Reader], tuple[int, int]]  # the weight that a block, and one member in it, may have
    name: Callable[[bytes], bytes]  # the digest by which receipts call a transaction
    validators: Callable[[Reader], tuple[bytes, ...]]  # who votes on blocks, where the state says so

    def signatures(self, transactions: Iterable[T]) -> list[tuple[bytes, bytes, bytes]]:
        """Those of all transactions that have one."""
        return [triple for triple in map(self.signature, transactions) if triple is not None]


LedgerMachine: TypeAlias = Machine[Genesis, Receipt, Notice, Unsealed]
LedgerOutcome: TypeAlias = BlockOutcome[Receipt, Notice]


def ledger_machine() -> LedgerMachine:
    """The rules of Tallystick's own ledger."""
    weights = {kind.__name__.lower(): weight for kind, weight in WEIGHTS.items()}
    return Machine(
        read=unseal,
        apply_block=_apply_block,
        check=transition.check,
        next_deadline=transition.next_deadline,
        first_writes=genesis.first_writes,
        block=Block,
        genesis=Decoder(Genesis),
        receipt=Decoder(Receipt),
        notice=Decoder(cast("type[Notice]", Notice)),  # a union of types
        signature=lambda transaction: transaction.triple,
        weight=lambda receipt: weights[receipt.kind],
        limits=_limits,
        name=name_of,
        validators=transition.find_validators,
    )


def _apply_block(
    reader: Reader, transactions: Sequence[Unsealed], block: Block, verify: Verify
) -> LedgerOutcome:
    version = transition.rules_in_force(reader, block.height)
    if version > transition.RULES_VERSION:
        raise UnknownRules(
            f"from block {block.height} on the chain follows rules {version}, voted for by its members; "
            f"this program knows rules {transition.RULES_VERSION}: install a newer one"
        )
    return transition.apply_block(reader, transactions, block, verify)


def _limits(reader: Reader) -> tuple[int, int]:
    chain = transition.find_chain(reader)
    return chain.block_weight, chain.member_weight


@final
@dataclass(eq=False, slots=True)
class Ticket:
    """A transaction under way; `answer` is there once its block is durable, or once it was turned away."""

    digest: bytes
    transaction: bytes
    read: Unsealed | None = None  # the same, where it waits here for its block
    member: str = ""
    weight: int = 1
    answer: "Answer | None" = None


class Answer(NamedTuple):
    """What became of a transaction, and where it stands; no height when it was turned away at the door."""

    receipt: Receipt
    height: int | None = None
    place: int | None = None
    time: int | None = None

    @property
    def accepted(self) -> bool:
        return self.height is not None and self.receipt.code == 0

    def notices(self, kind: type[Kind]) -> list[Kind]:
        """What the transaction did, of this kind."""
        return [notice for notice in self.receipt.notices if isinstance(notice, kind)]

    def notice(self, kind: type[Kind]) -> Kind:
        """The first thing of this kind that it did."""
        made = self.notices(kind)
        if not made:
            raise LookupError(f"transaction {self.receipt.transaction.hex()} made no {kind.__name__}")
        return made[0]


class CommittedBlock(NamedTuple):
    """A durable block, as subscribers hear of it: first what came due, then each transaction's receipt."""

    height: int
    time: int
    notices: tuple[Notice, ...]
    receipts: tuple[Receipt, ...]


class StoredBlock(NamedTuple):
    """A block as it is kept: CometBFT's header and commit bytes, and what the block did."""

    height: int
    time: int
    header: bytes
    commit: bytes
    transactions: tuple[bytes, ...]
    receipts: tuple[Receipt, ...]
    notices: tuple[Notice, ...]


class StateProof(NamedTuple):
    """A record's value, or its absence, and what shows it to `light.verify_state_proof`."""

    key: bytes
    value: bytes | None
    proof: bytes
    signed: light.SignedHeader  # the header that names the state


class ReceiptProof(NamedTuple):
    """A transaction's receipt, and what shows it to `light.verify_receipt`."""

    receipt: Receipt
    transaction: bytes
    result: light.Result
    paths: tuple[light.Path, light.Path]  # to the header's data, to the next header's results
    signed: tuple[light.SignedHeader, light.SignedHeader]  # of its block, and of the next


class Status(NamedTuple):
    """How a ledger stands."""

    chain: str
    height: int
    time: int  # of the newest block
    app_hash: bytes  # the root of the state that it left
    validators: tuple[bytes, ...]
    waiting: int  # transactions not yet in a block
    repairs: tuple[str, ...]  # what had to be mended when it was opened
    stopped: str = ""  # why nothing more is taken, if so


class View(ABC):
    """A ledger, read; `with` closes it."""

    @abstractmethod
    def get(self, key: bytes) -> bytes | None:
        """A record of the newest durable state."""

    @abstractmethod
    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Records whose keys begin with the prefix, in the order of their keys."""

    @abstractmethod
    def find(self, digest: bytes) -> Answer | None:
        """What became of a transaction, by the digest that its ticket and its receipt name."""

    @abstractmethod
    def history(self, member: str, limit: int = 100) -> list[Answer]:
        """The newest transactions of a member, newest first."""

    @abstractmethod
    def block(self, height: int) -> StoredBlock:
        """A block as it is kept."""

    @abstractmethod
    def prove(self, key: bytes) -> StateProof:
        """A record of the newest state, or its absence, for somebody who trusts a header only."""

    @abstractmethod
    def prove_receipt(self, digest: bytes) -> ReceiptProof:
        """A transaction and its receipt, for somebody who trusts a header only."""

    @abstractmethod
    def status(self) -> Status:
        """How the ledger stands."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the ledger; an engine first finishes what was handed in."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Engine(View):
    """Puts transactions in order and keeps what they did."""

    @abstractmethod
    def submit(self, transaction: bytes | Unsealed) -> Ticket:
        """Hand in a transaction; its ticket has an answer at once where it is turned away."""

    @abstractmethod
    def wait(self, ticket: Ticket) -> Answer:
        """The answer to a ticket, once its block is durable."""

    @abstractmethod
    def tick(self) -> None:
        """Serve what is due by now, where nobody else does."""

    @property
    def state(self) -> Reader:
        """The state as the newest block left it, for listeners that are being told of that block."""
        return self

    @abstractmethod
    def subscribe(self, listener: Callable[[CommittedBlock], None]) -> Callable[[], None]:
        """Call `listener` after every durable block; the returned function ends it."""


@final
@dataclass
class Listeners:
    """Who is told of blocks."""

    listeners: list[Callable[[CommittedBlock], None]] = field(default_factory=list)

    def add(self, listener: Callable[[CommittedBlock], None]) -> Callable[[], None]:
        self.listeners.append(listener)

        def end() -> None:
            if listener in self.listeners:
                self.listeners.remove(listener)

        return end

    def tell(self, block: CommittedBlock) -> None:
        for listener in tuple(self.listeners):
            listener(block)
