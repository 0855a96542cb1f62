"""Votes in the books: who decides on a proposal, when it passes or lapses, whom it admits."""

from __future__ import annotations

from tallystick.ledger import transactions as tx
from tests.ledger.model.books import Books, MemberModel, ProposalModel
from tests.ledger.observed import ensure


def passed(books: Books) -> list[tx.Change]:
    """What has been voted for and has not yet taken effect."""
    return [proposal.change for proposal in books.proposals.values() if proposal.stage == "passed"]


def admit(books: Books, change: tx.Admit, roles: tuple[str, ...]) -> None:
    """A new member, without tokens and credit."""
    books.members[change.member] = MemberModel(change.key, roles, 0, books.now.time)
    books.keys.add(change.key)


def proposed(books: Books, name: str, change: tx.Change) -> None:
    """A proposal: every member that is there decides, but for those whom it concerns."""
    concerned = [getattr(change, "member", "")]
    if isinstance(change, tx.Dispute):
        owner = books.budgets.lineages[books.budgets.units[change.unit].lineage].owner
        concerned = [change.owner, owner]
    now, limits = books.now.time, books.limits
    awake = [name for name, member in books.members.items() if now - member.seen < limits.dormant_after]
    electorate = tuple(sorted(m for m in awake if books.members[m].active and m not in concerned))
    books.proposals[name] = ProposalModel(change, electorate, now + limits.vote_wait)


def decided(books: Books, name: str, outcome: str) -> None:
    """A proposal passes above two thirds, else lapses; what passed takes effect after its delay."""
    proposal, now = books.proposals[name], books.now.time
    many, approving = len(proposal.electorate), sum(proposal.votes.values())
    if outcome == "passed":
        right = proposal.stage == "open" and 3 * approving > 2 * many
        proposal.deadline = now + max(1, books.limits.vote_delay)
    elif outcome == "lapsed":
        hopeless = 3 * (many - (len(proposal.votes) - approving)) <= 2 * many
        right = proposal.stage == "open" and (hopeless or now >= proposal.deadline)
    else:
        right = proposal.stage == "passed" and now >= proposal.deadline
    ensure(right, name, "is", outcome, "with", approving, "of", many, proposal)
    proposal.stage = outcome
