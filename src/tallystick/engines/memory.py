"""The state's part in memory: recent reads, writes not yet in the records table, the due-queue."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from typing import Final, final

Writes = Mapping[bytes, bytes | None]  # None deletes
MISSING: Final = object()


def after(prefix: bytes) -> bytes | None:
    """The least key above all that begin with the prefix; None where there is none."""
    head = prefix.rstrip(b"\xff")
    return head[:-1] + bytes((head[-1] + 1,)) if head else None


@final
class Recent:
    """A bounded memory of records; what was not asked for lately is forgotten, half of it at a time."""

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._young: dict[bytes, bytes | None] = {}
        self._old: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | object | None:
        """The record's value, None where it is known to be absent, MISSING where nothing is known."""
        value: bytes | object | None = self._young.get(key, MISSING)
        if value is MISSING:
            value = self._old.get(key, MISSING)
            if value is None or isinstance(value, bytes):
                self.put({key: value})
        return value

    def put(self, records: Writes) -> None:
        self._young.update(records)
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}

    def clear(self) -> None:
        self._young, self._old = {}, {}


@final
class Overlay:
    """Writes that the records table has not yet, by key and in the order of their keys."""

    def __init__(self) -> None:
        self.writes: dict[bytes, bytes | None] = {}
        self._sorted: list[bytes] = []
        self._new: list[bytes] = []

    def put(self, writes: Writes) -> None:
        self._new += [key for key in writes if key not in self.writes]
        self.writes.update(writes)

    def within(self, prefix: bytes, stop: bytes | None) -> list[bytes]:
        """The keys from `prefix` up to `stop`; sorting is put off until somebody asks."""
        if self._new:
            self._sorted = sorted(self._sorted + self._new)
            self._new = []
        end = len(self._sorted) if stop is None else bisect_left(self._sorted, stop)
        return self._sorted[bisect_left(self._sorted, prefix) : end]


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
