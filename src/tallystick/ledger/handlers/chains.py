"""Other chains: what they hold is shown and takes effect once; what contradicts itself is frozen."""

from msgspec.structs import replace

from ...base import light
from ...base.codec import Malformed
from ...base.keys import acceptable
from .. import notices
from .. import rejections as no
from .. import transactions as tx
from ..chains import arrivals, trust
from ..chains.messages import ChainMessage, Opening, Outcome
from ..records import Account, KeyUse, Member, Revoked
from ..rejections import ensure, refusing
from ..state import (
    ACCOUNTS,
    CHAIN,
    GRANTS,
    KEYS,
    MEMBERS,
    MESSAGES,
    OTHER_CHAINS,
    REQUESTS,
    REVOKED,
    Draft,
)


def deliver(draft: Draft, body: tx.Deliver) -> None:
    """Follow another chain to a newer header, and take what its state is proven to hold or not to hold."""
    # CHECKS
    known = trust.known_chain(draft, body.chain)
    other, header = trust.follow(draft, known, body.header, body.following)
    if body.about == "header":
        again = refusing(no.AlreadyDone, member=draft.sender, deed=f"shown header {header.height}")
        ensure(other != known, again)
    else:
        trust.ensure_shown(body.chain, header, _key(draft, body), body.value, body.proof)

    # EFFECTS
    if other != known:
        draft.put(OTHER_CHAINS, other, body.chain)
        draft.emit(notices.ChainFollowed(body.chain, header.height, other.time))
    if body.about != "header":
        (_from_main if other.main else _from_sub_chain)(draft, header, body)


def freeze(draft: Draft, body: tx.Freeze) -> None:
    """Believe nothing more of a chain whose validators contradict themselves, until a vote trusts it anew."""
    # CHECKS
    other = trust.known_chain(draft, body.chain)
    trust.ensure_contradiction(draft, other, body.first, body.second)

    # EFFECTS
    draft.change(OTHER_CHAINS, body.chain, frozen=True)
    draft.emit(notices.ChainFrozen(body.chain))


def _key(draft: Draft, body: tx.Deliver) -> str:
    """Under which key the other chain's state holds what is shown."""
    match body.about:
        case "message":
            return MESSAGES.key(draft.chain, body.of)
        case "request":
            return REQUESTS.key(body.of)
        case "grant":
            return GRANTS.key(body.of)
        case _:
            return MEMBERS.key(body.of)


def _from_main(draft: Draft, header: light.Header, body: tx.Deliver) -> None:
    """The main chain says who its members are, which grants are revoked, and which teams begin here."""
    try:
        if body.value is None:
            raise _bad(body, "nothing follows from what the main chain does not hold")
        if body.about == "member":
            _show_member(draft, body, MEMBERS.decode(body.value))
        elif body.about == "grant":
            ensure(GRANTS.decode(body.value).revoked, lambda: _bad(body, "it is not revoked"))
            again = draft.find(REVOKED, body.of) is not None
            ensure(not again, refusing(no.AlreadyDone, member=draft.sender, deed=f"shown {body.of!r}"))
            draft.put(REVOKED, Revoked(draft.time), body.of)
            draft.emit(notices.GrantRevoked(body.of))
        elif body.about == "message":
            _open(draft, body, MESSAGES.decode(body.value))
        else:
            raise _bad(body, "requests arrive as messages")
    except Malformed as error:
        raise _bad(body, str(error)) from None


def _from_sub_chain(draft: Draft, header: light.Header, body: tx.Deliver) -> None:
    """A sub-chain says how requests ended, or by its silence at their end that they have no outcome."""
    silent = body.value is None
    if body.about not in ("message", "request") or (body.about == "request" and not silent):
        raise _bad(body, "a sub-chain only says how a request ended")
    request, progress = arrivals.away(draft, body.of, body.chain)
    if body.value is None:
        waits = f"away until {progress.final}, header {header.height} is of {header.time // trust.MILLION}"
        early = refusing(no.WrongStage, table="request", id=body.of, stage=waits)
        ensure(header.time >= progress.final * trust.MILLION, early)
        begun = body.about == "message"
        arrivals.give_up(draft, body.of, f"chain {body.chain!r} has no outcome of it", begun)
        return
    try:
        outcome = MESSAGES.decode(body.value).content
    except Malformed as error:
        raise _bad(body, str(error)) from None
    if not isinstance(outcome, Outcome):
        raise _bad(body, "it is no outcome")
    reason = arrivals.why_unfit(draft, body.of, outcome)
    ensure(reason is None, lambda: _bad(body, str(reason)))
    arrivals.come_home(draft, request, progress, outcome)


def _open(draft: Draft, body: tx.Deliver, message: ChainMessage) -> None:
    opening = message.content
    if not isinstance(opening, Opening) or opening.request.request != body.of:
        raise _bad(body, "it opens no request")
    arrivals.ensure_openable(draft, opening)
    trust.ensure_fresh(draft, opening.request)
    arrivals.open_here(draft, opening)


def _show_member(draft: Draft, body: tx.Deliver, member: Member) -> None:
    """Who a member is, the main chain says: its keys, roles and devices are the same here."""
    known = draft.find(MEMBERS, body.of)
    again = refusing(no.AlreadyDone, member=draft.sender, deed=f"shown {body.of!r} as it is known here")
    ensure(member != known, again)
    keys = (member.key, *(device.key for device in member.devices))
    for key in keys:
        use = draft.find(KEYS, key.hex())
        held = f"it is a key of {use.member!r} here" if use else ""
        mine = use is None or use.member == body.of
        ensure(mine, refusing(no.KeyRefused, key=key.hex(), reason=held))
    for key in keys:
        draft.put(KEYS, KeyUse(body.of), key.hex())
    draft.put(MEMBERS, member, body.of)
    if known is None:
        draft.add(CHAIN, members=1)
        draft.put(ACCOUNTS, Account(seen=draft.time), body.of)
    draft.emit(notices.MemberShown(body.of))


def _bad(body: tx.Deliver, reason: str) -> no.Refusal:
    return no.BadMessage(chain=body.chain, about=body.about, of=body.of, reason=reason)


def register(draft: Draft, change: tx.RegisterChain) -> None:
    """Trust a chain by its validators; of one that is known, what is with it stays counted."""
    terms, known = change.terms, draft.find(OTHER_CHAINS, change.terms.chain)
    fresh = trust.first_view(terms, known.main if known else False, draft.time)
    draft.put(OTHER_CHAINS, replace(fresh, escrow=known.escrow if known else 0), terms.chain)
    draft.emit(notices.ChainRegistered(terms.chain))


def ensure_registrable(draft: Draft, change: tx.RegisterChain) -> None:
    """Refuse to register this chain itself, or validators that are none."""
    terms = change.terms
    another = refusing(no.OutOfRange, field="chain", value=terms.chain, bound="the name of another chain")
    ensure(terms.chain != draft.chain, another)
    keys_ = [key for key, _ in terms.validators]
    twice = refusing(no.OutOfRange, field="validators", value=len(keys_), bound="each named once")
    ensure(len(dict.fromkeys(keys_)) == len(keys_), twice)
    for key in keys_:
        weak = refusing(no.KeyRefused, key=key.hex(), reason="it is no Ed25519 key of prime order")
        ensure(acceptable(key), weak)
