"""What an accepted transaction had to fulfil, beyond what its announcements show; looked up in the books."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tallystick.base.ids import digest
from tallystick.ledger import transactions as tx
from tests.ledger.model.books import Books
from tests.ledger.model.request_model import RequestModel
from tests.ledger.observed import Broken, ensure


def _vote(books: Books, member: str, body: tx.Vote) -> None:
    proposal = books.proposals[body.proposal]
    ensure(proposal.stage == "open" and books.now.time < proposal.deadline, member, "votes on", proposal)
    ensure(
        member in proposal.electorate and member not in proposal.votes, member, "may not vote on", proposal
    )


def _propose(books: Books, member: str, body: tx.Propose) -> None:
    change = body.change
    if isinstance(change, tx.Mint | tx.FillPool):
        ensure(books.issued + change.amount <= books.limits.cap, member, "proposes to pass the cap:", change)
    if isinstance(change, tx.Admit | tx.Recover):
        ensure(change.key not in books.keys, member, "proposes a key that was used:", change.member)


def _transfer(books: Books, member: str, body: tx.Transfer) -> None:
    ensure(member != body.to and body.to in books.members, member, "sends tokens to", body.to)
    ensure(
        books.members[member].balance >= body.amount,
        member,
        "sends",
        body.amount,
        "of",
        books.members[member].balance,
    )


def _fresh_key(books: Books, member: str, body: tx.RotateKey | tx.AddDevice | tx.SetValidator) -> None:
    ensure(body.key not in books.keys, member, "takes a key that was used")


def _register_unit(books: Books, member: str, body: tx.RegisterUnit) -> None:
    ensure("owner" in books.members[member].roles, member, "registers a unit without the role")
    ensure(body.training_root != body.judging_root, member, "judges on training rows")
    known = {
        books.budgets.roots[root]
        for root in (body.training_root, body.judging_root)
        if root in books.budgets.roots
    }
    if body.version_of:
        known.add(books.budgets.units[body.version_of].lineage)
    ensure(len(known) < 2, member, "registers rows of several lineages", known)
    for lineage in known:
        ensure(
            books.budgets.lineages[lineage].owner == member, member, "registers rows of another's", lineage
        )
        ensure(body.budget is None, member, "refreshes the budget of", lineage)


def _own_unit(books: Books, member: str, unit: str) -> None:
    lineage = books.budgets.lineages[books.budgets.units[unit].lineage]
    ensure(lineage.owner == member, member, "decides on", unit, "of", lineage.owner)


def _unit_on_offer(books: Books, member: str, body: Any) -> None:
    _own_unit(books, member, body.unit)
    ensure(books.budgets.units[body.unit].active, member, "decides on", body.unit, "which is withdrawn")


def _revoke(books: Books, member: str, body: tx.RevokeGrant) -> None:
    grant = books.budgets.grants[body.grant]
    _own_unit(books, member, grant.unit)
    ensure(not grant.revoked, member, "revokes twice", body.grant)


def _live(books: Books, name: str) -> RequestModel:
    request = books.live.get(name)
    if request is None:
        raise Broken(f"{name} has ended, or never was")
    return request


def _post_request(books: Books, member: str, body: tx.PostRequest) -> None:
    ensure(("analyst" if body.parent else "requester") in books.members[member].roles, member, "may not ask")
    if not body.parent:
        ensure(books.members[member].balance >= body.reward, member, "offers", body.reward)
        return
    above = _live(books, body.parent)
    ensure(above.team.analyst == member, member, "buys for", body.parent, "of", above.team.analyst)
    ensure(above.stage in ("opening", "rounds", "closing"), member, "buys for", body.parent, above.stage)
    left = min(above.money.escrow, above.rules.purchase_limit - above.money.purchased)
    ensure(body.reward <= left, member, "buys for", body.reward, "where it may spend", left)


def _own_forming(books: Books, member: str, body: Any) -> None:
    request = _live(books, body.request)
    forming = request.stage == "forming" and books.now.time < request.deadline
    ensure(request.posted.member == member and forming, member, "decides on", request.name, request.stage)


def _grade(books: Books, member: str, body: tx.Grade) -> None:
    request = _live(books, body.request)
    form = request.rules.forming
    may = form.named == member and form.ability == "graded" and request.stage == "forming"
    ensure(may and all(m in request.team.applications for m, _ in body.grades), member, "grades", body.grades)


def _withdraw_application(books: Books, member: str, body: tx.WithdrawApplication) -> None:
    ensure(member in _live(books, body.request).team.applications, member, "withdraws what it has not")


def _leave(books: Books, member: str, body: tx.Leave) -> None:
    request = _live(books, body.request)
    ensure(member in request.team.active, member, "leaves", request.name, "of", request.team.active)
    ensure(request.stage in ("opening", "rounds", "closing"), member, "leaves when it is", request.stage)


def _open_test(books: Books, member: str, body: tx.OpenTest) -> None:
    request = _live(books, body.request)
    test = request.rules.test
    made = digest(b"test", body.content, body.salt)
    fits = test is not None and made == test.commitment and member == request.posted.member
    ensure(fits, member, "opens another test set")


def _reuse(books: Books, member: str, body: tx.ReuseRecord) -> None:
    record, purpose = books.records[body.request]
    ensure(record.stands and record.contributions, member, "reuses what does not stand")
    ensure(purpose == body.purpose, member, "reuses for", body.purpose, "what was made for", purpose)
    for _, unit, grant in record.sources:
        own, given = books.budgets.units[unit], books.budgets.grants[grant]
        ensure({"*", member} & set(own.audience), member, "reuses what the terms of", unit, "keep from it")
        alive = (
            own.active and not given.revoked and books.now.time < given.until and given.to in ("*", member)
        )
        ensure(alive or own.reuse, member, "reuses what", unit, "no longer allows")
    ensure("requester" in books.members[member].roles, member, "reuses without the role")


def _join_team(books: Books, member: str, body: tx.JoinTeam) -> None:
    team = books.teams[body.team]
    ensure(member in team.invited and member not in team.joined, member, "joins", body.team)


def _stating(books: Books, member: str, body: Any) -> None:
    stage = "approving" if isinstance(body, tx.Approve) else "certifying"
    ensure(_live(books, body.request).stage == stage, member, "states a figure out of stage")


PERMITS: dict[type[tx.Body], Callable[[Books, str, Any], None]] = {
    tx.Vote: _vote,
    tx.Propose: _propose,
    tx.Transfer: _transfer,
    tx.RotateKey: _fresh_key,
    tx.AddDevice: _fresh_key,
    tx.SetValidator: _fresh_key,
    tx.RegisterUnit: _register_unit,
    tx.WithdrawUnit: _unit_on_offer,
    tx.TransferUnit: _unit_on_offer,
    tx.GiveGrant: _unit_on_offer,
    tx.RevokeGrant: _revoke,
    tx.PostRequest: _post_request,
    tx.WithdrawRequest: _own_forming,
    tx.ChooseTeam: _own_forming,
    tx.Grade: _grade,
    tx.WithdrawApplication: _withdraw_application,
    tx.Leave: _leave,
    tx.OpenTest: _open_test,
    tx.ReuseRecord: _reuse,
    tx.JoinTeam: _join_team,
    tx.Approve: _stating,
    tx.Certify: _stating,
}
