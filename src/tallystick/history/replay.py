"""What happened in a request, read out of its ledger's blocks alone: executed again, as an auditor would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..engines.engine import LedgerMachine, View, ledger_machine
from ..engines.storage.memory import WholeState
from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.genesis import Genesis
from ..ledger.notices import RequestEnded, RoundEnded
from ..ledger.records import FinalRecord, Lineage, Place, Progress, Request
from ..ledger.requests.turns import subjects_of
from ..ledger.rules import all_phases
from ..ledger.state import (
    ACCOUNTS,
    LINEAGES,
    MEMBERS,
    PHASES,
    PLACES,
    PROGRESS,
    RECORDS,
    REQUESTS,
    Reader,
)
from ..ledger.transactions import posts
from ..ledger.views.reading import every

START = ""  # the author of the model that a round started from


@dataclass(frozen=True)
class Judged:
    """What one judge said of one model."""

    round: int
    phase: str
    judge: str
    author: str  # or START
    figure: int
    verdict: str


@dataclass(frozen=True)
class Refused:
    """A transaction that the ledger took into a block and refused."""

    member: str
    what: str
    why: str


@dataclass(frozen=True, eq=False)
class Chronicle:
    """A request from its posting to its end."""

    request: Request
    progress: Progress
    record: FinalRecord | None
    notices: tuple[tuple[int, object], ...]  # by time
    scores: tuple[Judged, ...]
    models: Mapping[int, bytes]  # the hash of each completed round's model
    places: Mapping[str, Place]  # as they were when it ended
    balances: Mapping[str, int]
    credits: Mapping[str, int]
    privacy: Mapping[str, Lineage]  # what each owner's rows have spent
    refused: tuple[Refused, ...]
    height: int
    head: bytes


@dataclass(eq=False)
class _Pages:
    """What is noted while the blocks are executed."""

    notices: list[tuple[int, object]] = field(default_factory=list)
    scores: list[Judged] = field(default_factory=list)
    models: dict[int, bytes] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


def chronicle(view: View, genesis: Genesis, name: str = "") -> Chronicle:
    """The request of this name, or the only one."""
    machine = ledger_machine()
    state, pages = WholeState(machine.first_writes(genesis)), _Pages()
    status = view.status()
    for height in range(1, status.height + 1):
        name = name or next((one.request for one in every(state, REQUESTS)), "")
        _read_block(view, machine, state, pages, height, name)
    name = name or next((one.request for one in every(state, REQUESTS)), "")
    request, progress = views.find(state, REQUESTS, name), views.find(state, PROGRESS, name)
    if request is None or progress is None:
        raise LookupError(f"the ledger {status.chain} holds no request {name}".rstrip())
    found = {one.member: views.find(state, ACCOUNTS, one.member) for one in every(state, MEMBERS)}
    return Chronicle(
        request,
        progress,
        views.find(state, RECORDS, name),
        tuple(pages.notices),
        tuple(pages.scores),
        pages.models,
        pages.places,
        {member: one.balance for member, one in found.items() if one},
        {member: one.credit for member, one in found.items() if one},
        {one.owner: one for one in every(state, LINEAGES)},
        tuple(pages.refused),
        status.height,
        status.app_hash,
    )


def _read_block(
    view: View, machine: LedgerMachine, state: WholeState, pages: _Pages, height: int, name: str
) -> None:
    kept = view.block(height)
    block = machine.block(view.status().chain, kept.height, kept.time)
    # The engine verified every signature before it kept the block; `verify` does it again for whoever doubts.
    transactions = [machine.read(data) for data in kept.transactions]
    outcome = machine.apply_block(state, transactions, block, lambda *signed: True)
    for transaction, receipt in zip(transactions, outcome.receipts, strict=True):
        if transaction.envelope is None:
            continue
        body = transaction.envelope.body
        if receipt.code:
            pages.refused.append(Refused(receipt.member, type(body).__name__, receipt.detail))
        else:
            pages.scores += scores_in(state, receipt.member, body)
    said = [*outcome.notices, *(one for receipt in outcome.receipts for one in receipt.notices)]
    pages.notices += [(kept.time, notice) for notice in said]
    if any(isinstance(notice, RequestEnded) for notice in said):
        pages.places.update({one.member: one for one in every(state, PLACES, name)})
    state.put(outcome.writes)
    progress = views.find(state, PROGRESS, name) if name else None
    for notice in said:
        if isinstance(notice, RoundEnded) and notice.complete and progress is not None:
            pages.models[notice.round] = progress.model


def scores_in(state: Reader, judge: str, body: tx.Transaction) -> list[Judged]:
    """The scores that a transaction opens, by whom they are about."""
    if isinstance(body, tx.Reveal):
        values = body.values
    elif isinstance(body, tx.Post) and isinstance(body.content, posts.Scores):
        values = body.content.values
    else:
        return []
    request = views.find(state, REQUESTS, body.request)
    rules = all_phases(request.rules) if request else ()
    index = next((place for place, rule in enumerate(rules) if rule.name == body.phase), -1)
    phase = views.find(state, PHASES, body.request, index) if index >= 0 else None
    if phase is None:
        return []
    about = (START, *subjects_of(rules[index], phase, judge))
    return [
        Judged(body.round, body.phase, judge, author, score.figure, score.verdict)
        for author, score in zip(about, values, strict=False)
    ]
