"""A block thing by thing, for those who look on at a world: what was sent, what came of it and changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from msgspec.structs import replace

from tallystick.ledger import transactions as tx
from tallystick.ledger import transition
from tallystick.ledger.notices import Notice
from tallystick.ledger.state import CHAIN
from tallystick.ledger.transition import Block, ExecutedBlock, Receipt
from tests.ledger.memory import Memory, View

Verify = Callable[[bytes, bytes, bytes], bool]


class Broken(Exception):
    """Something that must hold does not; the message says what, with the values."""


def ensure(condition: object, *words: object) -> None:
    """Raise `Broken` with these words unless the condition holds."""
    if not condition:
        raise Broken(" ".join(map(str, words)))


@dataclass(frozen=True)
class Sent:
    """A transaction as its sender knows it; `expects` names the refusal that it is meant to meet."""

    member: str
    body: tx.Body | None
    data: bytes
    envelope: tx.Envelope | None = None
    honest: bool = True  # its signature fits
    expects: str = ""


@dataclass(frozen=True)
class Happened:
    """One thing of a block: a due entry served, or a transaction; and the state after it."""

    view: View
    notices: tuple[Notice, ...]
    sent: Sent | None = None
    receipt: Receipt | None = None
    before: Mapping[bytes, bytes | None] = field(default_factory=dict)  # the writes of what came earlier

    def changed(self) -> set[bytes]:
        """The keys that this alone has changed."""
        now, before, under = self.view.writes, self.before, self.view.under
        return {
            key
            for key in now.keys() | before.keys()
            if now.get(key, under.get(key)) != before.get(key, under.get(key))
        }


class Observer(Protocol):
    """Sees everything that happens in a world, and compares after every block."""

    def see(self, block: Block, happened: Happened) -> None: ...

    def compare(self, reader: Memory) -> None: ...


def things_of(
    reader: Memory, block: Block, sent: Sequence[Sent], outcome: ExecutedBlock, verify: Verify
) -> list[Happened]:
    """The block thing by thing: the transition is pure, so its beginnings can be looked at in turn."""
    waiting = [key for key in reader.tables["due"] if int(key[0]) <= block.time]
    served = min(len(waiting), reader.chain.due_limit)
    if served + len(sent) == 0 or (served == 1 and not sent):
        return [Happened(View(reader, outcome.writes), outcome.notices)]
    if served == 0 and len(sent) == 1 and not outcome.notices:
        receipt = outcome.receipts[0]
        return [Happened(View(reader, outcome.writes), receipt.notices, sent[0], receipt)]
    things: list[Happened] = []
    announced, before = 0, {}
    if not served and outcome.notices:  # an upgrade comes by itself
        part = transition.apply_block(reader, (), block, verify)
        things.append(Happened(View(reader, part.writes), part.notices))
        before = part.writes
    for count in range(1, served + 1):
        limited = CHAIN.encode(replace(reader.chain, due_limit=count))
        part = transition.apply_block(View(reader, {CHAIN.key().encode(): limited}), (), block, verify)
        things.append(Happened(View(reader, part.writes), part.notices[announced:], before=before))
        announced, before = len(part.notices), part.writes
    ensure(not served or part.notices == outcome.notices, "due entries served in turn differ")
    if served and sent:
        before = transition.apply_block(reader, (), block, verify).writes
    for count, last in enumerate(sent, 1):
        data = [earlier.data for earlier in sent[:count]]
        part = transition.apply_block(reader, data, block, verify)
        ensure(part.receipts == outcome.receipts[:count], "the beginning of a block gives other receipts")
        receipt = part.receipts[-1]
        things.append(Happened(View(reader, part.writes), receipt.notices, last, receipt, before))
        before = part.writes
    return things
