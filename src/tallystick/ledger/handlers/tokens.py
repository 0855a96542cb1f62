"""Tokens: sent between members, issued by a vote only."""

from msgspec.structs import replace

from .. import notices
from .. import rejections as no
from .. import transactions as tx
from ..rejections import ensure, refusing
from ..state import ACCOUNTS, CHAIN, Draft


def transfer(draft: Draft, body: tx.Transfer) -> None:
    """Send tokens to another member, suspended ones included: suspension takes rights, not tokens."""
    # CHECKS
    ensure(body.to != draft.sender, refusing(no.SelfDealing, member=draft.sender, deed="pay itself"))
    payee = draft.find(ACCOUNTS, body.to)
    if payee is None:
        raise no.UnknownMember(member=body.to)
    payer = draft.get(ACCOUNTS, draft.sender)
    enough = payer.balance >= body.amount
    ensure(enough, refusing(no.NotEnoughTokens, needed=body.amount, has=payer.balance))

    # EFFECTS
    draft.put(ACCOUNTS, replace(payer, balance=payer.balance - body.amount), draft.sender)
    draft.put(ACCOUNTS, replace(payee, balance=payee.balance + body.amount), body.to)
    draft.emit(notices.TokensMoved(draft.sender, body.to, body.amount))


def ensure_below_cap(draft: Draft, amount: int) -> None:
    """Refuse to issue more than the chain's cap."""
    chain = draft.get(CHAIN)
    fits = chain.issued + amount <= chain.cap
    ensure(fits, refusing(no.OverCap, amount=amount, issued=chain.issued, cap=chain.cap))


def issue(draft: Draft, to: str, amount: int) -> None:
    """New tokens for a member, or for the reward pool where `to` is empty."""
    draft.add(CHAIN, issued=amount, pool=0 if to else amount)
    if to:
        draft.add(ACCOUNTS, to, balance=amount)
    draft.emit(notices.TokensIssued(to, amount))
