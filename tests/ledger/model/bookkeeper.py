"""Who keeps the books of a world: enters what its ledger announces, and compares both after every block.

Balances, credit, numbers, votes and shares are computed from transactions and notices alone, by code of
its own; only digests, ranks and the privacy arithmetic, tested elsewhere, are the ledger's.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.ledger import transactions as tx
from tallystick.ledger.handlers import WEIGHTS
from tallystick.ledger.state import ACCOUNTS, LIVE_REQUESTS, PHASES, PLACES, PROGRESS, TEAMS
from tallystick.ledger.transition import Block
from tests.ledger.memory import Memory
from tests.ledger.model import phases
from tests.ledger.model.books import Books, MemberModel
from tests.ledger.model.on_notice import ENTRIES
from tests.ledger.model.permits import PERMITS
from tests.ledger.model.refusals.expected import listed_refusals
from tests.ledger.model.request_model import RequestModel
from tests.ledger.observed import Happened, ensure

BY_DEVICE = (tx.Post, tx.Reveal, tx.Report, tx.Nudge, tx.Deliver)
WINDOW = 256
PLACE_FIELDS = (
    *("deposit", "amount", "status", "turns", "missed", "idle", "forfeits", "present", "accepted"),
    *("gain", "score", "measured", "earned", "opened"),
)


@dataclass
class Bookkeeper:
    """Looks on at a world and keeps books of it."""

    books: Books

    def see(self, block: Block, happened: Happened) -> None:
        """Enter one thing of a block."""
        books, now = self.books, self.books.now
        now.time, now.sender, now.body, now.reused = block.time, "", None, []
        if block.height != now.height:
            now.height, now.filled = block.height, {}
        if happened.sent is not None:
            receive(books, block, happened)
        for notice in happened.notices:
            enter = ENTRIES.get(type(notice))
            if enter is not None:
                enter(books, notice, happened.view)
        for request in books.live.values():
            if happened.sent is not None and request.open:
                phases.ensure_going_on(books, request, request.open)
            ensure(not request.expected, request.name, "was to announce", request.expected)

    def compare(self, reader: Memory) -> None:
        """After a block, the ledger and the books say the same."""
        books = self.books
        for name, member in books.members.items():
            compare_account(reader, name, member)
        chain = reader.chain
        ensure((chain.issued, chain.pool) == (books.issued, books.pool), "issued", chain, "not", books.issued)
        books.budgets.compare(reader)
        for request in books.live.values():
            compare_request(reader, request)
        live = [
            key[0]
            for key, progress in reader.all(PROGRESS).items()
            if progress.stage not in ("settled", "refunded")
        ]
        ensure(sorted(live) == sorted(books.live), "live are", live, "by the books", list(books.live))
        listed = [key[0] for key in reader.all(LIVE_REQUESTS)]
        ensure(sorted(listed) == sorted(live), "listed as live are", listed, "and live are", live)


# --- what a transaction meets -----------------------------------------------------------------------


def receive(books: Books, block: Block, happened: Happened) -> None:
    """A receipt: what may leave a trace, leaves the right trace; what was accepted was acceptable."""
    sent, receipt = happened.sent, happened.receipt
    assert sent is not None and receipt is not None
    ensure(receipt.code != 99, receipt.detail, "by", sent.member, sent.body)
    ensure(not sent.expects or receipt.code, sent.member, "meant to meet", sent.expects, "by", sent.body)
    if receipt.code and not receipt.member:
        ensure(not happened.changed(), receipt, "left a trace:", happened.changed())
        return
    envelope, name = sent.envelope, sent.member
    ensure(envelope is not None, "bytes that are no transaction gave", receipt)
    assert envelope is not None
    own = books.members.get(name)
    ensure(own is not None and sent.honest, receipt, "of", envelope)
    assert own is not None
    ensure_authentic(own, envelope, block)
    for who, limit in ((name, books.limits.member_weight), ("", books.limits.block_weight)):
        filled = books.now.filled.get(who, 0) + WEIGHTS[type(envelope.body)]
        ensure(filled <= limit, who or "the block", "is filled with", filled)
        books.now.filled[who] = filled
    own.used.add(envelope.number)
    own.seen = block.time
    books.now.sender, books.now.body = name, envelope.body
    if receipt.code:
        kind = type(envelope.body)
        ensure(receipt.refusal in listed_refusals(kind), kind.__name__, "does not list", receipt.refusal)
        only = {ACCOUNTS.key(name).encode()}
        ensure(happened.changed() <= only, receipt, "changed", happened.changed())
        return
    ensure(own.active, name, "is suspended and acts:", envelope.body)
    by_device = envelope.signer != own.key
    ensure(not by_device or isinstance(envelope.body, BY_DEVICE), name, "acts by a device:", envelope.body)
    permit = PERMITS.get(type(envelope.body))
    if permit is not None:
        permit(books, name, envelope.body)


def ensure_authentic(own: MemberModel, envelope: tx.Envelope, block: Block) -> None:
    """A fresh number, in time, for this chain, by a key that is the member's."""
    name = envelope.member
    fresh = envelope.number not in own.used and envelope.number < own.lowest() + WINDOW
    ensure(fresh, name, "used number", envelope.number)
    in_time = block.time < envelope.valid_until and envelope.chain == block.chain
    ensure(in_time and envelope.version == tx.FORMAT, name, "sent what had expired or was not for here")
    alive = own.devices.get(envelope.signer, 0) > block.time
    ensure(envelope.signer == own.key or alive, name, "signed with a key that it has not")


# --- what is compared -------------------------------------------------------------------------------


def compare_account(reader: Memory, name: str, member: MemberModel) -> None:
    """A member's balance, credit and numbers."""
    account = reader.find(ACCOUNTS, name)
    assert account is not None
    theirs = (account.balance, account.credit, account.seen)
    ours = (member.balance, member.credit, member.seen)
    ensure(theirs == ours, name, "has balance, credit, seen", theirs, "by the books", ours)
    above = sorted(number for number in member.used if number > account.low)
    used = account.low not in member.used and list(account.ahead) == above
    ensure(used and len(member.used) == account.low + len(above), name, "used", account)


def compare_request(reader: Memory, request: RequestModel) -> None:
    """A live request: how far it is, its team, its places, the phase that is open."""
    progress = reader.find(PROGRESS, request.name)
    assert progress is not None
    theirs = (
        progress.stage, progress.escrow, progress.round, progress.completed, progress.leader,
        progress.analyst, list(progress.figures), progress.figure, progress.seed, progress.purchased,
    )  # fmt: skip
    money, team, result = request.money, request.team, request.result
    ours = (
        request.stage, money.escrow, request.round, result.completed, team.leader,
        team.analyst, result.figures, result.figure, request.seed, money.purchased,
    )  # fmt: skip
    ensure(theirs == ours, request.name, "is", theirs, "by the books", ours)
    if request.stage != "forming":
        _compare_team(reader, request)
    if request.open:
        phase = reader.find(PHASES, request.name, request.phase)
        assert phase is not None
        at = request.open
        was = (
            list(phase.owed), phase.subjects, phase.circle, phase.deadline, phase.revealing, phase.cursor,
        )  # fmt: skip
        ought = (at.owed, at.subjects, at.circle, at.deadline, at.revealing, at.cursor)
        ensure(was == ought, request.name, "phase", phase.name, "is", was, "by the books", ought)


def _compare_team(reader: Memory, request: RequestModel) -> None:
    team, own = reader.find(TEAMS, request.name), request.team
    assert team is not None
    theirs = (list(team.active), list(team.bench), sorted((*team.active, *team.gone)))
    ours = (own.active, own.bench, sorted(own.places))
    ensure(theirs == ours, request.name, "has the team", theirs, "by the books", ours)
    for mine in own.places.values():
        place = reader.find(PLACES, request.name, mine.member)
        assert place is not None
        for name in PLACE_FIELDS:
            kept, ought = getattr(place, name), getattr(mine, name)
            ensure(kept == ought, request.name, mine.member, name, "is", kept, "by the books", ought)
        ensure(place.last_accepted == mine.last, mine.member, "was last accepted in", place.last_accepted)
