"""What happened in a request, read out of its ledger's blocks alone: executed again, as an auditor would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..base.measure import Measure
from ..engines.engine import LedgerMachine, View, ledger_machine
from ..engines.storage.memory import WholeState
from ..ledger import notices, views
from ..ledger.genesis import Genesis
from ..ledger.records import FinalRecord, Lineage, Place, Progress, Request
from ..ledger.state import ACCOUNTS, LINEAGES, MEMBERS, PLACES, PROGRESS, RECORDS, REQUESTS
from ..ledger.views.reading import every
from .moments import Follower, HeardBlock, Judged, Moment, notices_of, phases_of, posts_of


@dataclass(frozen=True)
class RefusedTransaction:
    """A transaction that the ledger took into a block and refused."""

    member: str
    kind: str
    why: str


@dataclass(frozen=True, eq=False)
class RequestHistory:
    """A request from its posting to its end, or as far as it has come."""

    request: Request
    measure: Measure | None
    progress: Progress
    record: FinalRecord | None
    moments: tuple[Moment, ...]  # everything that the ledger says of it, in its order
    scores: tuple[Judged, ...]
    models: Mapping[int, bytes]  # the hash of each completed round's model
    places: Mapping[str, Place]  # as they were when it ended
    balances: Mapping[str, int]
    credits: Mapping[str, int]
    privacy: Mapping[str, Lineage]  # what each owner's rows have spent
    refused: tuple[RefusedTransaction, ...]
    height: int
    head: bytes


@dataclass(eq=False)
class _Pages:
    """What is noted while the blocks are executed."""

    follower: Follower
    moments: list[Moment] = field(default_factory=list)
    scores: list[Judged] = field(default_factory=list)
    models: dict[int, bytes] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    refused: list[RefusedTransaction] = field(default_factory=list)


def replay(view: View, genesis: Genesis, measure: Measure | None = None, name: str = "") -> RequestHistory:
    """The history of the request of this name, or of the only one; `measure` is what its figures are of."""
    machine = ledger_machine()
    state, pages = WholeState(machine.first_writes(genesis)), _Pages(Follower(measure))
    status = view.status()
    for height in range(1, status.height + 1):
        name = _read_block(view, machine, state, pages, height, name)
    request = pages.follower.request
    progress = views.find(state, PROGRESS, name) if name else None
    if request is None or progress is None:
        raise LookupError(f"the ledger {status.chain} holds no request {name}".rstrip())
    accounts = {member.member: views.find(state, ACCOUNTS, member.member) for member in every(state, MEMBERS)}
    return RequestHistory(
        request,
        measure,
        progress,
        views.find(state, RECORDS, name),
        tuple(pages.moments),
        tuple(pages.scores),
        pages.models,
        pages.places or {place.member: place for place in every(state, PLACES, name)},
        {member: account.balance for member, account in accounts.items() if account},
        {member: account.credit for member, account in accounts.items() if account},
        {lineage.owner: lineage for lineage in every(state, LINEAGES)},
        tuple(pages.refused),
        status.height,
        status.app_hash,
    )


def _read_block(
    view: View, machine: LedgerMachine, state: WholeState, pages: _Pages, height: int, name: str
) -> str:
    """Execute a block and note what it says; the request's name, which may have been unknown before."""
    stored, follower = view.block(height), pages.follower
    block = machine.block(view.status().chain, stored.height, stored.time)
    # The engine verified every signature before it kept the block; `verify` does it again for whoever doubts.
    transactions = [machine.read(data) for data in stored.transactions]
    outcome = machine.apply_block(state, transactions, block, lambda *signed: True)
    receipts = outcome.receipts
    name = name or next((notice.request for receipt in receipts for notice in receipt.notices
                         if isinstance(notice, notices.RequestPosted)), "")  # fmt: skip
    notes = notices_of(outcome, name)
    if any(isinstance(notice, notices.RequestEnded) for notice in notes):
        pages.places.update({place.member: place for place in every(state, PLACES, name)})
    state.put(outcome.writes)
    for transaction, receipt in zip(transactions, receipts, strict=True):
        body = transaction.envelope.body if transaction.envelope is not None else None
        if receipt.code and body is not None and getattr(body, "request", name) == name:
            refused = RefusedTransaction(receipt.member, type(body).__name__, receipt.detail)
            pages.refused.append(refused)
    _take_up(follower, state, name)
    if follower.request is None:
        return name
    posts = tuple(posts_of(transactions, receipts, name))
    phases = tuple(phases_of(state, follower.request, notes))
    moments, scores = follower.follow(HeardBlock(stored.time, notes, posts, phases))
    pages.moments += moments
    pages.scores += scores
    progress = views.find(state, PROGRESS, name)
    for notice in notes:
        if isinstance(notice, notices.RoundEnded) and notice.complete and progress is not None:
            pages.models[notice.round] = progress.model
    return name


def _take_up(follower: Follower, state: WholeState, name: str) -> None:
    request = views.find(state, REQUESTS, name) if name and follower.request is None else None
    if request is not None:
        follower.begin(request)
