"""A state in memory, as an engine offers it, each record decoded once; and a state with writes on top."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Any, TypeVar

from tallystick.base.codec import Record
from tallystick.ledger.state import TABLES, Reader, StateTable

R = TypeVar("R", bound=Record)
Parts = tuple[str, ...]


def parts_of(key: bytes) -> tuple[str, Parts]:
    """A key's table and parts."""
    name, *parts = key.decode().split("/")
    return name, tuple(parts)


class Memory:
    """An engine's records in a dictionary, their keys in order, and by table what they hold."""

    def __init__(self, records: Mapping[bytes, bytes | None]) -> None:
        self.records: dict[bytes, bytes] = {}
        self.keys: list[bytes] = []
        self.tables: dict[str, dict[Parts, Any]] = {name: {} for name in TABLES}
        self.write(records)

    def twin(self) -> Memory:
        """A copy that shares nothing that changes."""
        other = Memory({})
        other.records, other.keys = dict(self.records), list(self.keys)
        other.tables = {name: dict(rows) for name, rows in self.tables.items()}
        return other

    def get(self, key: bytes) -> bytes | None:
        return self.records.get(key)

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        rows: list[tuple[bytes, bytes]] = []
        for key in self.keys[bisect_left(self.keys, prefix) :]:
            if not key.startswith(prefix) or len(rows) == limit:
                break
            rows.append((key, self.records[key]))
        return rows

    def write(self, writes: Mapping[bytes, bytes | None]) -> None:
        for key, value in writes.items():
            name, parts = parts_of(key)
            if value is not None:
                if key not in self.records:
                    insort(self.keys, key)
                self.records[key] = value
                self.tables[name][parts] = TABLES[name].decode(value)
            elif key in self.records:
                del self.records[key]
                del self.keys[bisect_left(self.keys, key)]
                del self.tables[name][parts]

    def find(self, table: StateTable[R], *parts: str | int) -> R | None:
        where = tuple(part if isinstance(part, str) else f"{part:016d}" for part in parts)
        return self.tables[table.name].get(where)

    def all(self, table: StateTable[R]) -> dict[Parts, R]:
        """Every record of a table, by the parts of its key: this is what the invariants look at."""
        return self.tables[table.name]

    @property
    def chain(self) -> Any:
        return self.tables["chain"][()]

    @property
    def validators_due(self) -> int:
        validators = self.tables["validators"].get(())
        return validators.due if validators else 0


class View:
    """A state with some writes on top."""

    def __init__(self, under: Memory, writes: Mapping[bytes, bytes | None]) -> None:
        self.under, self.writes = under, writes

    def get(self, key: bytes) -> bytes | None:
        return self.writes[key] if key in self.writes else self.under.get(key)

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        rows = dict(self.under.scan(prefix, 1 << 62))
        for key, value in self.writes.items():
            if key.startswith(prefix) and value is not None:
                rows[key] = value
            elif key in rows and value is None:
                del rows[key]
        return sorted(rows.items())[:limit]

    def find(self, table: StateTable[R], *parts: str | int) -> R | None:
        key = table.key(*parts).encode()
        if key not in self.writes:
            return self.under.find(table, *parts)
        value = self.writes[key]
        return None if value is None else table.decode(value)


def due_times(reader: Reader) -> list[int]:
    """When the entries of the due-queue come due."""
    return [int(key.split(b"/")[1]) for key, _ in reader.scan(b"due/", 1 << 62)]
