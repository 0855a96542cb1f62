"""What the ledger announces, entered into the books one notice at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tallystick.ledger import notices as say
from tallystick.ledger import transactions as tx
from tallystick.ledger.state import PROPOSALS, RECORDS, REQUESTS
from tests.ledger.model import endings, phases, rounds
from tests.ledger.model.budgets import Grant, Lineage, Unit
from tests.ledger.model.permits import note_roots
from tests.ledger.model.request_model import (
    Life,
    depart,
    entered,
    entitled,
    form,
    give_back,
    in_its_role,
)
from tests.ledger.model.sums import shared
from tests.ledger.model.world import Broken, View, ensure

if TYPE_CHECKING:
    from tests.ledger.model.books import Books


def life_of(books: Books, name: str) -> Life:
    found = books.lives.get(name)
    if found is None:
        raise Broken(f"something is announced of {name}, which does not live")
    return found


# --- members, votes, tokens -------------------------------------------------------------------------


def _moved(books: Books, said: say.TokensMoved, view: View) -> None:
    books.balance[said.payer] -= said.amount
    books.balance[said.payee] += said.amount


def _issued(books: Books, said: say.TokensIssued, view: View) -> None:
    change: Any = tx.Mint(said.to, said.amount) if said.to else tx.FillPool(said.amount)
    voted = [one for one in books.proposals.values() if one.stage == "passed" and one.change == change]
    ensure(voted, said, "without a vote")
    books.issued += said.amount
    ensure(books.issued <= books.cap, books.issued, "are issued above the cap", books.cap)
    if said.to:
        books.balance[said.to] += said.amount
    else:
        books.pool += said.amount


def _admitted(books: Books, said: say.MemberAdmitted, view: View) -> None:
    changes = [one.change for one in books.proposals.values() if one.stage == "passed"]
    admits = [c for c in changes if isinstance(c, tx.Admit) and c.member == said.member]
    ensure(admits and said.member not in books.members, said, "without a vote")
    books.admit(admits[0], said.roles)


def _proposed(books: Books, said: say.ProposalMade, view: View) -> None:
    record = view.find(PROPOSALS, said.proposal)
    assert record is not None
    books.proposed(said.proposal, record.change)


def _cast(books: Books, said: say.VoteCast, view: View) -> None:
    books.proposals[said.proposal].votes[said.member] = said.approve


def _decided(books: Books, said: say.ProposalDecided, view: View) -> None:
    books.decided(said.proposal, said.outcome)


def _suspended(books: Books, said: say.MemberSuspended, view: View) -> None:
    books.members[said.member].active = False


def _reinstated(books: Books, said: say.MemberReinstated, view: View) -> None:
    books.members[said.member].active = True


def _roles(books: Books, said: say.RolesSet, view: View) -> None:
    books.members[said.member].roles = said.roles


def _key(books: Books, said: say.KeyReplaced, view: View) -> None:
    own = books.members[said.member]
    own.key = said.key
    books.keys.add(said.key)
    if said.recovered:
        own.devices = {}


def _device(books: Books, said: say.DeviceAdded, view: View) -> None:
    books.members[said.member].devices[said.key] = books.body.until
    books.keys.add(said.key)


def _no_device(books: Books, said: say.DeviceRemoved, view: View) -> None:
    del books.members[said.member].devices[said.key]


# --- units and grants -------------------------------------------------------------------------------


def _unit(books: Books, said: say.UnitRegistered, view: View) -> None:
    body, budgets = books.body, books.budgets
    if said.lineage not in budgets.lineages:
        asked = body.budget
        budgets.lineages[said.lineage] = Lineage(
            said.owner, asked.epsilon_nano, asked.delta_e12, asked.protects
        )
    for root in (body.training_root, body.judging_root):
        ensure(books.roots.get(root, said.lineage) == said.lineage, said, "refreshes", books.roots.get(root))
    note_roots(books, body, said.lineage)
    terms = body.terms
    budgets.units[said.unit] = Unit(
        said.owner, said.lineage, True, terms.unaccounted, body.profile.rows, terms.reuse, terms.audience
    )


def _unit_gone(books: Books, said: say.UnitWithdrawn, view: View) -> None:
    books.budgets.units[said.unit].active = False


def _unit_moved(books: Books, said: say.UnitMoved, view: View) -> None:
    unit = books.budgets.units[said.unit]
    unit.owner = books.budgets.lineages[unit.lineage].owner = said.owner


def _given(books: Books, said: say.GrantGiven, view: View) -> None:
    body = books.body
    books.budgets.grants[said.grant] = Grant(
        body.unit, books.sender, body.to, body.purpose, body.until, body.uses, body.statistics_only
    )


def _revoked(books: Books, said: say.GrantRevoked, view: View) -> None:
    books.budgets.grants[said.grant].revoked = True


# --- requests and teams -----------------------------------------------------------------------------


def _requested(books: Books, said: say.RequestPosted, view: View) -> None:
    request = view.find(REQUESTS, said.request)
    assert request is not None
    body = books.body
    same = (request.rules, request.reward, request.member, request.parent) == (
        body.rules, body.reward, books.sender, body.parent,
    )  # fmt: skip
    ensure(same and said.reward == body.reward, said, "was posted as", body)
    if body.parent:
        above = books.lives[body.parent]
        above.escrow, above.purchased = above.escrow - body.reward, above.purchased + body.reward
    else:
        books.balance[books.sender] -= body.reward
    books.origins[said.request] = (body.parent, books.sender)
    deadline = books.time + body.rules.forming.wait
    books.lives[said.request] = Life(request, body.reward, deadline, model=body.initial)


def _applied(books: Books, said: say.Applied, view: View) -> None:
    life = life_of(books, said.request)
    ensure(said.bench == (life.stage != "forming"), said, "when it is", life.stage)
    entered(books, life, said.member, books.body)


def _withdrawn(books: Books, said: say.ApplicationWithdrawn, view: View) -> None:
    life = life_of(books, said.request)
    give_back(books, life, life.applications[said.member])
    life.bench = [m for m in life.bench if m != said.member]


def _listed(books: Books, said: say.TeamListed, view: View) -> None:
    life_of(books, said.request).listed = books.body.members


def _graded(books: Books, said: say.AbilitiesGraded, view: View) -> None:
    for member, ability in books.body.grades:
        life_of(books, said.request).applications[member].ability = ability


def _formed(books: Books, said: say.TeamFormed, view: View) -> None:
    life = life_of(books, said.request)
    ensure(life.stage == "forming" and books.time >= life.deadline, said, "when it is", life.stage)
    why = form(books, life)
    own = (life.leader, tuple(life.active))
    ensure(not why and (said.leader, said.members) == own, said, "by the books", own, why)
    life.stage = "opening" if life.rules.opening else "rounds"
    life.round, life.until = int(not life.rules.opening), books.time + life.rules.stopping.time


def _left(books: Books, said: say.MemberLeft, view: View) -> None:
    life = life_of(books, said.request)
    if said.reason == "left":
        ensure(books.sender == said.member, said, "but", books.sender, "asked for it")
        rounds.left(books, life, said.member)
    elif said.reason in ("released", "withdrawn"):
        ensure(not entitled(books, life, said.member), said, "though it may go on")
        voted = not in_its_role(books, life, said.member)
        ensure(voted == (said.reason == "released"), said, "by the books it was voted out:", voted)
        if not voted:
            rounds.taken_back(life, life.seats[said.member])
        depart(books, life, said.member, said.reason)
    else:
        ensure(life.said("MemberLeft", said.member, said.reason), said, "which nothing explains")


def _joined(books: Books, said: say.MemberJoined, view: View) -> None:
    life = life_of(books, said.request)
    ensure(life.said("MemberJoined", said.member, str(said.round)), said, "which nothing explains")


def _founded(books: Books, said: say.TeamFounded, view: View) -> None:
    books.teams[said.team] = (books.body.members, [said.leader])


def _team_joined(books: Books, said: say.TeamJoined, view: View) -> None:
    books.teams[said.team][1].append(said.member)


# --- rounds -----------------------------------------------------------------------------------------


def _phase(books: Books, said: say.PhaseOpened, view: View) -> None:
    phases.opened(books, life_of(books, said.request), said.round, said.phase, said.deadline)


def _reveals(books: Books, said: say.RevealsOpened, view: View) -> None:
    phases.reveals_open(books, life_of(books, said.request), said.phase, said.deadline)


def _posted(books: Books, said: say.Posted, view: View) -> None:
    phases.posted(books, life_of(books, said.request), said.member, books.body)


def _revealed(books: Books, said: say.Revealed, view: View) -> None:
    phases.revealed(books, life_of(books, said.request), said.member, books.body)


def _missed(books: Books, said: say.TurnMissed, view: View) -> None:
    phases.missed(books, life_of(books, said.request), said.phase, said.member, said.reason)


def _closed(books: Books, said: say.PhaseClosed, view: View) -> None:
    life = life_of(books, said.request)
    phases.closed(books, life, said.phase, said.counts)
    if life.stage == "opening" and phases.following(life) is None and books.time < life.until:
        rounds.end_opening(books, life)


def _round(books: Books, said: say.RoundEnded, view: View) -> None:
    rounds.round_ended(books, life_of(books, said.request), said.round, said.complete, said.figure)


def _stopped(books: Books, said: say.RoundsStopped, view: View) -> None:
    rounds.stopped(books, life_of(books, said.request), said.reason)


# --- endings ----------------------------------------------------------------------------------------


def _recorder(books: Books, said: say.RecorderElected, view: View) -> None:
    endings.recorder_elected(books, life_of(books, said.request), said.member, said.attempt)


def _record(books: Books, said: say.RecordPosted, view: View) -> None:
    endings.record_posted(books, life_of(books, said.request), said.member, said.model, said.figure)


def _stated(books: Books, said: say.Approved, view: View) -> None:
    endings.stated(books, life_of(books, said.request), said.member, books.body.figure)


def _record_decided(books: Books, said: say.RecordDecided, view: View) -> None:
    life = life_of(books, said.request)
    endings.decided(books, life, said.stands, said.approving, said.electorate)


def _test(books: Books, said: say.TestOpened, view: View) -> None:
    endings.test_opened(books, life_of(books, said.request))


def _paid(books: Books, said: say.Paid, view: View) -> None:
    if said.why == "reuse":
        books.balance[said.member] += said.amount
        books.reused.append((said.member, said.amount))
    else:
        life_of(books, said.request).paid.append((said.member, said.amount, said.why))


def _fined(books: Books, said: say.Fined, view: View) -> None:
    fined = life_of(books, said.request).fined
    ensure(said.member not in fined and said.amount > 0, said, "a second time")
    fined[said.member] = said.amount


def _ended(books: Books, said: say.RequestEnded, view: View) -> None:
    life = life_of(books, said.request)
    endings.ended(books, life, said.outcome, said.reason, view)
    record = view.find(RECORDS, said.request)
    ensure((record is not None) == (said.outcome == "settled"), said, "has the record", record)
    if record is not None:
        books.records[said.request] = (record, life.request.purpose)


def _reused(books: Books, said: say.RecordReused, view: View) -> None:
    record, _ = books.records[said.request]
    makers = [member for member, _ in record.contributions]
    parts = shared(said.fee, [part for _, part in record.contributions])
    ensure(books.reused == list(zip(makers, parts, strict=True)), said, "paid", books.reused, "not", parts)
    books.balance[said.member] -= said.fee


def _alarm(books: Books, said: say.Alarm, view: View) -> None:
    raise Broken(f"an alarm: {said.fault}")


ENTRIES: dict[type[say.Said], Callable[[Books, Any, View], None]] = {
    say.TokensMoved: _moved, say.TokensIssued: _issued, say.MemberAdmitted: _admitted,
    say.ProposalMade: _proposed, say.VoteCast: _cast, say.ProposalDecided: _decided,
    say.MemberSuspended: _suspended, say.MemberReinstated: _reinstated, say.RolesSet: _roles,
    say.KeyReplaced: _key, say.DeviceAdded: _device, say.DeviceRemoved: _no_device,
    say.UnitRegistered: _unit, say.UnitWithdrawn: _unit_gone, say.UnitMoved: _unit_moved,
    say.GrantGiven: _given, say.GrantRevoked: _revoked,
    say.RequestPosted: _requested, say.Applied: _applied, say.ApplicationWithdrawn: _withdrawn,
    say.TeamListed: _listed, say.AbilitiesGraded: _graded, say.TeamFormed: _formed,
    say.MemberLeft: _left, say.MemberJoined: _joined, say.TeamFounded: _founded, say.TeamJoined: _team_joined,
    say.PhaseOpened: _phase, say.RevealsOpened: _reveals, say.Posted: _posted, say.Revealed: _revealed,
    say.TurnMissed: _missed, say.PhaseClosed: _closed, say.RoundEnded: _round, say.RoundsStopped: _stopped,
    say.RecorderElected: _recorder, say.RecordPosted: _record, say.Approved: _stated,
    say.RecordDecided: _record_decided, say.TestOpened: _test, say.Paid: _paid, say.Fined: _fined,
    say.RequestEnded: _ended, say.RecordReused: _reused, say.Alarm: _alarm,
}  # fmt: skip
