"""Requests: posted with the reward locked, withdrawn, answered from an earlier record, tested at the end."""

from collections.abc import Callable

from ...base.fixed import split
from ...base.ids import ANYONE, digest
from .. import rejections as no
from .. import rules
from ..chains import departures, trust
from ..deadlines import schedule
from ..notices import Paid, RecordReused, RequestPosted, TestOpened
from ..records import FinalRecord, Grant, Progress, Request, Unit
from ..rejections import Refusal, ensure, refusing
from ..requests import elections, live, settlement
from ..requests.seats import credit_account, debit_account
from ..state import ACCOUNTS, GRANTS, MEMBERS, PROGRESS, RECORDS, REQUESTS, STANDING_TEAMS, UNITS, Draft
from ..transactions import OpenTest, PostRequest, ReuseRecord, WithdrawRequest


def post_request(draft: Draft, tx: PostRequest) -> None:
    """Open a request; its reward leaves the requester's account, or the parent's escrow, for its own."""
    # CHECKS
    sender = draft.get(MEMBERS, draft.sender)
    role = "analyst" if tx.parent else "requester"
    ensure(role in sender.roles, refusing(no.WrongRole, member=draft.sender, role=role))
    flaw = rules.flaw(tx.rules, tx.reward)
    ensure(flaw is None, refusing(no.BadRules, reason=flaw))
    form = tx.rules.forming
    if form.team:
        known = draft.find(STANDING_TEAMS, form.team)
        ensure(known is not None, refusing(no.UnknownRecord, table="team", id=form.team))
    if form.named:
        ensure(draft.find(MEMBERS, form.named), refusing(no.UnknownMember, member=form.named))
    has = _ensure_parent(draft, tx) if tx.parent else draft.get(ACCOUNTS, draft.sender).balance
    ensure(has >= tx.reward, refusing(no.NotEnoughTokens, needed=tx.reward, has=has))

    if tx.chain:
        _ensure_elsewhere(draft, tx)

    # EFFECTS
    name = draft.new_id("request")
    if tx.parent:
        draft.add(PROGRESS, tx.parent, escrow=-tx.reward, purchased=tx.reward)
    else:
        debit_account(draft, draft.sender, tx.reward)
    request = Request(
        name,
        draft.sender,
        tx.category,
        tx.purpose,
        tx.plan,
        tx.reward,
        tx.rules,
        tx.reuse_key,
        tx.query,
        tx.parent,
        tx.initial,
        draft.time,
        tx.chain,
    )
    deadline = draft.time + form.wait
    draft.put(REQUESTS, request, name)
    live.enter(draft, request)
    draft.put(PROGRESS, Progress("forming", tx.reward, deadline, model=tx.initial), name)
    schedule(draft, deadline, "forming", name)
    draft.emit(RequestPosted(name, draft.sender, tx.category, tx.reward))


def _ensure_elsewhere(draft: Draft, tx: PostRequest) -> None:
    """Refuse a chain that is not trusted, rules that cannot run there, and more than it may still hold."""
    other = trust.known_chain(draft, tx.chain)
    ours = refusing(no.WrongStage, table="chain", id=tx.chain, stage="the main chain of this one")
    ensure(not other.main, ours)
    flaw = departures.why_not_on_chain(tx.rules, other.terms.settling)
    ensure(flaw is None, refusing(no.BadRules, reason=flaw))
    room = other.terms.escrow_cap - other.escrow
    bound = f"at most {room}, which {tx.chain!r} may still hold"
    ensure(tx.reward <= room, refusing(no.OutOfRange, field="reward", value=tx.reward, bound=bound))


def _ensure_parent(draft: Draft, tx: PostRequest) -> int:
    """The analyst of a running request may spend a part of its escrow; say how much is left of it."""
    parent, progress = draft.find(REQUESTS, tx.parent), draft.find(PROGRESS, tx.parent)
    if parent is None or progress is None:
        raise no.UnknownRecord(table="request", id=tx.parent)
    hired = progress.analyst == draft.sender
    ensure(hired, refusing(no.NotYours, table="request", id=tx.parent, member=draft.sender))
    running = progress.stage in ("opening", "rounds", "closing")
    ensure(running, wrong_stage(tx.parent, progress.stage))
    return min(progress.escrow, parent.rules.purchase_limit - progress.purchased)


def withdraw_request(draft: Draft, tx: WithdrawRequest) -> None:
    """Take a request back while its team is forming."""
    # CHECKS
    request, progress = own_request(draft, tx.request)
    stage = stage_now(draft, progress)
    ensure(stage == "forming", wrong_stage(tx.request, stage))

    # EFFECTS
    settlement.refund(draft, request.request, "withdrawn by the requester")


def stage_now(draft: Draft, progress: Progress) -> str:
    """The stage, or that its time is up where the due-queue has not come to it yet."""
    late = progress.deadline and draft.time >= progress.deadline
    return f"past its deadline, {progress.deadline}" if late else progress.stage


def wrong_stage(request: str, stage: str) -> Callable[[], Refusal]:
    """It is too early or too late for this in a request."""
    return refusing(no.WrongStage, table="request", id=request, stage=stage)


def own_request(draft: Draft, name: str) -> tuple[Request, Progress]:
    """The sender's own request."""
    request, progress = draft.find(REQUESTS, name), draft.find(PROGRESS, name)
    if request is None or progress is None:
        raise no.UnknownRecord(table="request", id=name)
    mine = request.member == draft.sender
    ensure(mine, refusing(no.NotYours, table="request", id=name, member=draft.sender))
    return request, progress


def reuse_record(draft: Draft, tx: ReuseRecord) -> None:
    """Pay an earlier record's makers their agreed fee, by their contributions."""
    # CHECKS
    sender = draft.get(MEMBERS, draft.sender)
    ensure("requester" in sender.roles, refusing(no.WrongRole, member=draft.sender, role="requester"))
    request, record = draft.find(REQUESTS, tx.request), draft.find(RECORDS, tx.request)
    if request is None:
        raise no.UnknownRecord(table="request", id=tx.request)
    progress = draft.get(PROGRESS, tx.request)
    if record is None:
        raise wrong_stage(tx.request, progress.stage)()
    reason = _why_not_reusable(draft, record, request, tx.purpose)
    ensure(reason is None, refusing(no.NotReusable, request=tx.request, reason=reason))
    fee, has = request.rules.paying.reuse_fee, draft.get(ACCOUNTS, draft.sender).balance
    ensure(has >= fee, refusing(no.NotEnoughTokens, needed=fee, has=has))

    # EFFECTS
    debit_account(draft, draft.sender, fee)
    makers = [member for member, _ in record.contributions]
    shares = split(fee, [share for _, share in record.contributions])
    for member, amount in zip(makers, shares, strict=True):
        credit_account(draft, member, amount)
        draft.emit(Paid(tx.request, member, amount, "reuse"))
    draft.emit(RecordReused(tx.request, draft.sender, fee))


def _why_not_reusable(draft: Draft, record: FinalRecord, request: Request, purpose: str) -> str | None:
    """Why a record's sources do not allow another use, or None."""
    if request.chain == draft.chain:
        return "its sources are on the main chain, where it may be"
    if not record.stands or not record.contributions:
        return "no record of it stands"
    if purpose != request.purpose:
        return f"it was made for {request.purpose!r}, not for {purpose!r}"
    for _, unit_id, grant_id in record.sources:
        unit, grant = draft.get(UNITS, unit_id), draft.get(GRANTS, grant_id)
        if draft.sender not in unit.terms.audience and ANYONE not in unit.terms.audience:
            return f"the terms of unit {unit_id} it was made with do not name {draft.sender!r}"
        if unit.terms.reuse:
            continue
        if _given_no_longer(draft, unit, grant):
            return f"the grant of unit {unit_id} it was made with is no longer given"
        if _for_another(draft, grant):
            return f"the grant of unit {unit_id} it was made with is for {grant.to!r}"
    return None


def _given_no_longer(draft: Draft, unit: Unit, grant: Grant) -> bool:
    return not unit.active or grant.revoked or draft.time >= grant.until


def _for_another(draft: Draft, grant: Grant) -> bool:
    return grant.to not in (ANYONE, draft.sender)


def open_test(draft: Draft, tx: OpenTest) -> None:
    """Open the test set that the request named by its hash, once the final model's hash stands."""
    # CHECKS
    request, progress = own_request(draft, tx.request)
    stage = stage_now(draft, progress)
    if stage != "sealed" or request.rules.test is None:
        raise wrong_stage(tx.request, stage)()
    fits = test_commitment(tx.content, tx.salt) == request.rules.test.commitment
    ensure(fits, refusing(no.BadReveal, member=draft.sender))

    # EFFECTS
    draft.emit(TestOpened(tx.request, tx.content))
    elections.open_certifying(draft, request, tx.content)


def test_commitment(content: bytes, salt: bytes) -> bytes:
    """The hash by which a request names its sealed test set."""
    return digest(b"test", content, salt)
