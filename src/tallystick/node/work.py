"""What a node has on disk of its own work: bodies ready to send and openings, kept before anything is sent.

After a crash a node sends those bytes again or misses its turn; it never trains again or draws noise again,
for a second noised answer would be a second release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, final

from ..base.codec import Decoder, Malformed, Record
from ..base.codec import encode as encoded
from ..base.ids import digest
from ..ledger.transactions import Content, Score
from .payloads.store import write_durably


class Duty(Record):
    """One turn: which phase of which round of which request."""

    request: str
    round: int
    phase: str


class SealedScores(Record):
    """The scores that were committed to, and their salt."""

    values: tuple[Score, ...]
    salt: bytes


class Ready(Record):
    """What a turn's work came to: the content to post, and the opening where it is sealed."""

    duty: Duty
    content: Content
    opening: SealedScores | None = None


@dataclass(frozen=True)
class Holdings:
    """A frozen look at what a node has ready, by its turns, and at what it has sent and not yet seen."""

    ready: Mapping[Duty, Ready] = field(default_factory=dict)
    flying: frozenset[Duty] = frozenset()


class WorkStore(Protocol):
    """Where a node keeps what it made."""

    def save(self, ready: Ready) -> None:
        """Keep it; it is durable when this returns."""

    def load(self) -> Mapping[Duty, Ready]:
        """All that is kept."""

    def forget(self, request: str) -> None:
        """Drop what belonged to a request that has ended."""


@final
@dataclass
class WorkInMemory:
    """Work kept in memory, for a simulation."""

    kept: dict[Duty, Ready] = field(default_factory=dict)

    def save(self, ready: Ready) -> None:
        self.kept[ready.duty] = ready

    def load(self) -> Mapping[Duty, Ready]:
        return self.kept

    def forget(self, request: str) -> None:
        for duty in [duty for duty in self.kept if duty.request == request]:
            del self.kept[duty]


_decode = Decoder(Ready)


@final
@dataclass(frozen=True)
class WorkFolder:
    """Work kept as one file a turn."""

    path: Path

    def save(self, ready: Ready) -> None:
        write_durably(self._file(ready.duty), encoded(ready))

    def load(self) -> Mapping[Duty, Ready]:
        found = {}
        for file in sorted(self.path.glob("*/*.ready")):
            try:
                ready = _decode(file.read_bytes())
            except Malformed as error:
                told = f"{file} is damaged ({error}); move it away, its turn is then missed"
                raise ValueError(told) from None
            found[ready.duty] = ready
        return found

    def forget(self, request: str) -> None:
        for file in (self.path / request).glob("*.ready"):
            file.unlink()

    def _file(self, duty: Duty) -> Path:
        name = digest(str(duty.round).encode(), duty.phase.encode()).hex()[:32]
        return self.path / duty.request / f"{name}.ready"
