"""Where transactions are, by digest and by member: the newest in memory, the others in tables."""

from collections.abc import Sequence
from typing import Final, NamedTuple, final

from .database import Database

SHORT: Final = 8  # bytes of a transaction's digest that the table holds; its block confirms the rest


class Index(NamedTuple):
    """What of a block can be looked up: its transactions' digests, and whose they are."""

    digests: Sequence[bytes] = ()
    members: Sequence[str] = ()


class Place(NamedTuple):
    """Where a transaction is: its block's height, and its place in the block."""

    height: int
    place: int


@final
class Lookup:
    """The index of a ledger's blocks; those that are not in its tables yet are noted here."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[int, Index] = {}

    def note(self, height: int, index: Index) -> None:
        self._noted[height] = index

    def forget(self) -> None:
        """The tables hold what was noted."""
        self._noted = {}

    def flush(self, height: int, index: Index) -> None:
        """Put what was noted, and one more block, into the tables."""
        blocks = {**self._noted, height: index}.items()
        digests = [(one[:SHORT], at, n) for at, each in blocks for n, one in enumerate(each.digests)]
        members = [(one, at, n) for at, each in blocks for n, one in enumerate(each.members) if one]
        many = self._database.executemany
        many("INSERT OR IGNORE INTO digests VALUES (?, ?, ?)", sorted(digests))
        many("INSERT OR IGNORE INTO members VALUES (?, ?, ?)", sorted(members))

    def places(self, digest: bytes) -> list[Place]:
        """Where transactions may be whose digest begins like this one's."""
        query = "SELECT height, place FROM digests WHERE digest = ? ORDER BY height, place"
        found = [Place(*row) for row in self._database.execute(query, (digest[:SHORT],))]
        for height, index in sorted(self._noted.items()):
            found += [Place(height, n) for n, other in enumerate(index.digests) if other == digest]
        return found

    def places_of(self, member: str, limit: int) -> list[Place]:
        """The newest transactions of a member, newest first."""
        found = [
            Place(height, n)
            for height, index in sorted(self._noted.items(), reverse=True)
            for n in reversed(range(len(index.members)))
            if index.members[n] == member
        ]
        query = "SELECT height, place FROM members WHERE member = ? ORDER BY height DESC, place DESC LIMIT ?"
        rows = self._database.execute(query, (member, limit))
        return [*found, *(Place(*row) for row in rows)][:limit]
