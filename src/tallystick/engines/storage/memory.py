"""The state's part in memory: recent reads, writes not yet in the records table, the due-queue."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Final, final

Writes = Mapping[bytes, bytes | None]  # None deletes


class Missing(Enum):
    """What is there of a record of which nothing is known."""

    MISSING = auto()


MISSING: Final = Missing.MISSING


def after(prefix: bytes) -> bytes | None:
    """The least key above all that begin with the prefix; None where there is none."""
    head = prefix.rstrip(b"\xff")
    return head[:-1] + bytes((head[-1] + 1,)) if head else None


@final
class Recent:
    """A bounded memory of records; what was not asked for lately is forgotten, half of it at a time."""

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self.young: dict[bytes, bytes | None] = {}
        self._old: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | Missing | None:
        """The record's value, None where it is known to be absent, MISSING where nothing is known."""
        value: bytes | Missing | None = self.young.get(key, MISSING)
        if value is MISSING:
            value = self._old.get(key, MISSING)
            if value is not MISSING:
                self.put({key: value})
        return value

    def put(self, records: Writes) -> None:
        self.young.update(records)
        if len(self.young) >= self._half:
            self._old, self.young = self.young, {}

    def clear(self) -> None:
        self.young, self._old = {}, {}


@final
class Ordered:
    """Keys in order; sorting new ones is put off until somebody asks."""

    def __init__(self) -> None:
        self._sorted: list[bytes] = []
        self._new: list[bytes] = []

    def add(self, keys: Iterable[bytes]) -> None:
        self._new += keys

    def within(self, prefix: bytes) -> list[bytes]:
        """The keys that begin with the prefix."""
        if self._new:
            self._sorted = sorted(self._sorted + self._new)
            self._new = []
        stop = after(prefix)
        end = len(self._sorted) if stop is None else bisect_left(self._sorted, stop)
        return self._sorted[bisect_left(self._sorted, prefix) : end]


@final
class Overlay:
    """Writes that the records table has not yet, by key and in the order of their keys."""

    def __init__(self) -> None:
        self.writes: dict[bytes, bytes | None] = {}
        self._keys = Ordered()

    def put(self, writes: Writes) -> None:
        self._keys.add([key for key in writes if key not in self.writes])
        self.writes.update(writes)

    def within(self, prefix: bytes) -> list[bytes]:
        return self._keys.within(prefix)


@final
class WholeState:
    """A state that is all in memory: what an audit executes on."""

    def __init__(self, records: Mapping[bytes, bytes]) -> None:
        self._records: dict[bytes, bytes] = {}
        self._tables: dict[bytes, Ordered] = {}
        self._known: set[bytes] = set()
        self.put(records)

    def get(self, key: bytes) -> bytes | None:
        return self._records.get(key)

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """As the store's; keys are held apart by what stands before their first slash."""
        name, slash, _ = prefix.partition(b"/")
        tables = [self._tables[name]] if slash and name in self._tables else []
        if not slash:
            tables = [table for other, table in sorted(self._tables.items()) if other.startswith(name)]
        keys = sorted(key for table in tables for key in table.within(prefix))
        records: list[tuple[bytes, bytes]] = []
        for key in keys:
            if len(records) >= limit:
                break
            if key in self._records:
                records.append((key, self._records[key]))
        return records

    def put(self, writes: Writes) -> None:
        new: dict[bytes, list[bytes]] = {}
        for key, value in writes.items():
            if value is None:
                self._records.pop(key, None)
                continue
            self._records[key] = value
            if key not in self._known:
                self._known.add(key)
                new.setdefault(key.partition(b"/")[0], []).append(key)
        for name, keys in new.items():
            self._tables.setdefault(name, Ordered()).add(keys)


@final
class Watched:
    """The records under one prefix, all in memory: the due-queue, which every block asks for its first."""

    def __init__(self, prefix: bytes, records: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.prefix = prefix
        self._values = dict(records)
        self._keys = sorted(self._values)

    def put(self, writes: Writes) -> None:
        for key, value in writes.items():
            if not key.startswith(self.prefix):
                continue
            if value is not None:
                if key not in self._values:
                    insort(self._keys, key)
                self._values[key] = value
            elif self._values.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        start, stop = bisect_left(self._keys, prefix), after(prefix)
        end = len(self._keys) if stop is None else bisect_left(self._keys, stop)
        return [(key, self._values[key]) for key in self._keys[start : min(end, start + limit)]]
