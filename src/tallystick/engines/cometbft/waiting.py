"""What waits in the engine's pool, counted by member: one member's flood does not starve the others."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar, final

from ...base import keys

TRANSACTIONS: Final = 256  # of one member: as many numbers as it may have under way
BYTES: Final = 256 * 1024  # of one member: a quarter of a block
BLOCKS: Final = 2  # of one member: what it may put into so many blocks
REMEMBERED: Final = 50_000  # good signatures
READ_BYTES: Final = 32 * 2**20  # of transactions whose content is remembered
T = TypeVar("T")


class Weighed(NamedTuple):
    """What one transaction, or all of a member, takes up."""

    transactions: int = 0
    bytes: int = 0
    weight: int = 0

    def plus(self, other: "Weighed") -> "Weighed":
        return Weighed(
            self.transactions + other.transactions, self.bytes + other.bytes, self.weight + other.weight
        )


@final
class WaitingShares:
    """Counted anew after every block, as the engine asks again about all that is left."""

    def __init__(self) -> None:
        self._members: dict[str, Weighed] = {}

    def __len__(self) -> int:
        return sum(share.transactions for share in self._members.values())

    def clear(self) -> None:
        self._members.clear()

    def count(self, member: str, size: int, weight: int) -> None:
        """One more of this member, admitted before."""
        share = self._members.get(member, Weighed())
        self._members[member] = share.plus(Weighed(1, size, weight))

    def admit(self, member: str, size: int, weight: int, member_weight: int) -> bool:
        """Count one more where the member may have it waiting."""
        with_it = self._members.get(member, Weighed()).plus(Weighed(1, size, weight))
        most = (TRANSACTIONS, BYTES, BLOCKS * member_weight)
        if any(has > limit for has, limit in zip(with_it, most, strict=True)):
            return False
        self._members[member] = with_it
        return True


@final
class ReadOnce(Generic[T]):
    """Reads transactions; the same bytes are decoded once while they are remembered.

    The engine shows a validator a transaction when it comes, in every proposal, and when it is decided.
    """

    def __init__(self, read: Callable[[bytes], T], limit: int = READ_BYTES) -> None:
        self._read, self._limit = read, limit
        self._known: OrderedDict[bytes, T] = OrderedDict()
        self._size = 0

    def __call__(self, transaction: bytes) -> T:
        known = self._known.pop(transaction, None)
        if known is None:
            known = self._read(transaction)
            self._size += len(transaction)
        self._known[transaction] = known
        while self._size > self._limit:
            oldest, _ = self._known.popitem(last=False)
            self._size -= len(oldest)
        return known


@final
class VerifiedSignatures:
    """Verifies as `keys.verify` does, but a good signature is verified once while it is remembered.

    The engine asks about a transaction when it comes, after every block that leaves it waiting, when it is
    proposed and when it is decided.
    """

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._good: OrderedDict[tuple[bytes, bytes], bytes] = OrderedDict()

    def __call__(self, public: bytes, message: bytes, signature: bytes) -> bool:
        name = (signature, public)
        if self._good.get(name) == message:
            self._good.move_to_end(name)
            return True
        good = keys.verify(public, message, signature)
        if good:
            self._good[name] = message
            if len(self._good) > self._limit:
                self._good.popitem(last=False)
        return good
