"""Where transactions are, by digest and by member: the newest in memory, the others in a table.

Nothing else would notice a wrong row of that table, so sums over all of it are kept and compared on opening.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple, final

from .database import SUMS, DamagedStore, Database

SUMMED: Final = (
    "SELECT count(*), ifnull(sum(key & 4294967295), 0), ifnull(sum(key >> 32), 0),"
    " ifnull(sum(height), 0), ifnull(sum(place), 0) FROM places"
)

Row = tuple[int, int, int]


class Index(NamedTuple):
    """What of a block can be looked up: its transactions' digests, and whose they are."""

    digests: Sequence[bytes] = ()
    members: Sequence[str] = ()

    def entries(self) -> Iterator[tuple[int, int]]:
        """Each key with its place in the block."""
        yield from ((key_of(digest), place) for place, digest in enumerate(self.digests))
        yield from ((member_key(member), place) for place, member in enumerate(self.members) if member)


class BlockPlace(NamedTuple):
    """Where a transaction is: its block's height, and its place in the block."""

    height: int
    place: int


def key_of(digest: bytes) -> int:
    """The table's key: eight bytes of a digest; the block itself confirms the rest."""
    return int.from_bytes(digest[:8], "big", signed=True)


@lru_cache(maxsize=65_536)
def member_key(member: str) -> int:
    return key_of(sha256(b"member " + member.encode()).digest())


@final
class Lookup:
    """The index of a ledger's blocks; those that are not in its table yet are noted here."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[int, Index] = {}

    def note(self, height: int, index: Index) -> None:
        self._noted[height] = index

    def forget(self) -> None:
        """The table holds what was noted."""
        self._noted = {}

    def flush(self, height: int, index: Index) -> None:
        """Put what was noted, and one more block, into the table."""
        blocks = {**self._noted, height: index}.items()
        rows = sorted((key, at, place) for at, block in blocks for key, place in block.entries())
        self._database.executemany("INSERT INTO places VALUES (?, ?, ?)", rows)
        for name, more in zip(SUMS, _sums(rows), strict=True):
            self._database.mark(name, self._database.marked(name) + more)

    def ensure_sound(self) -> None:
        """Refuse a table that is not the sum of what was put into it."""
        sums = self._database.execute(SUMMED).fetchone()
        kept = tuple(self._database.marked(name) for name in SUMS)
        if sums != kept:
            raise DamagedStore(f"{self._database.path}: the index of transactions is damaged")

    def places(self, key: int, limit: int) -> list[BlockPlace]:
        """The newest places under a key, newest first; another key's may be among them once in 2^64."""
        newest = [
            BlockPlace(height, place)
            for height, index in sorted(self._noted.items(), reverse=True)
            for other, place in sorted(index.entries(), reverse=True)
            if other == key
        ]
        query = "SELECT height, place FROM places WHERE key = ? ORDER BY height DESC, place DESC LIMIT ?"
        return [*newest, *(BlockPlace(*row) for row in self._database.execute(query, (key, limit)))][:limit]


def _sums(rows: Sequence[Row]) -> tuple[int, ...]:
    return (
        len(rows),
        sum(key & 0xFFFFFFFF for key, _, _ in rows),
        sum(key >> 32 for key, _, _ in rows),
        sum(height for _, height, _ in rows),
        sum(place for _, _, place in rows),
    )
