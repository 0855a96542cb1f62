"""How a request ends: rewards, fees, penalties, credit, the rest of the escrow back; it all sums to zero."""

from dataclasses import dataclass, field
from itertools import islice

from msgspec.structs import replace

from ...base.fixed import (
    PPM,
    capped_weights,
    exp_ppm,
    one_minus_exp_ppm,
    softmax_weights,
    split,
)
from ...base.ids import MAX_SUPPLY
from .. import deadlines
from ..budgets import reservations
from ..chains import departures
from ..notices import CreditGained, CreditLost, Fined, Paid, RequestEnded
from ..records import Account, FinalRecord, Pair, Place, Progress, Request
from ..rules import all_phases, uncharged
from ..state import (
    ACCOUNTS,
    ALLOCATIONS,
    APPLICATIONS,
    LISTINGS,
    PAIRS,
    PHASES,
    PLACES,
    POSTS,
    PROGRESS,
    RECORD_DRAFTS,
    RECORDS,
    REQUESTS,
    ROUNDS,
    STATEMENTS,
    TEAMS,
    Draft,
)
from . import live, seats
from .seats import credit_account

LATE = "it was not final in time"  # on the chain where the rounds ran


@dataclass
class Purse:
    """The escrow while it is being divided, and what each member earns of it."""

    left: int
    earned: dict[str, int] = field(default_factory=dict)

    def take(self, amount: int) -> int:
        """Up to this much of what is left."""
        taken = min(amount, self.left)
        self.left -= taken
        return taken


def settle(draft: Draft, name: str, recorder: str, approving: int, reason: str) -> None:
    """Pay the completed rounds, write the record, fine who missed, return the rest."""
    request, progress = draft.get(REQUESTS, name), draft.get(PROGRESS, name)
    places = _places(draft, name)
    if request.chain == draft.chain and draft.time >= progress.final:
        refund(draft, name, LATE)
        return
    shares = weights(request, places)
    record = _record(request, progress, places, shares, recorder, approving)
    draft.put(RECORDS, record, name)
    if request.chain == draft.chain:
        _hand_over(draft, request, progress, places, ("settled", reason, recorder, approving))
        return
    purse = Purse(progress.escrow)
    fees = request.rules.paying
    _earn(draft, purse, name, recorder, fees.recorder_fee if recorder else 0, "fee")
    hired = progress.analyst if progress.analyst in _present(places) else ""
    _earn(draft, purse, name, hired, fees.analyst_fee if hired else 0, "fee")
    kept = fees.recorder_fee + fees.analyst_fee
    payable = min(max(0, request.reward - kept - progress.purchased), purse.left)
    if not progress.reached:
        payable -= payable * fees.quality_share // PPM
    for member, amount in _rewards(request, progress, places, shares, payable):
        _earn(draft, purse, name, member, amount, "reward")
    _end(draft, request, progress, places, purse, "settled", reason)


def _record(
    request: Request,
    progress: Progress,
    places: list[Place],
    shares: dict[str, int],
    recorder: str,
    approving: int,
) -> FinalRecord:
    contributions = tuple(zip(shares, split(PPM, list(shares.values())), strict=True)) if shares else ()
    return FinalRecord(
        request.request,
        recorder,
        progress.model,
        progress.figure,
        progress.completed,
        progress.history,
        contributions,
        approving,
        len(progress.recorders),
        progress.reached,
        uncharged(request.rules),
        tuple((p.member, use.unit, use.grant) for p in places for use in p.units if p.accepted),
        progress.recorders,
        stands=bool(recorder),
    )


def refund(draft: Draft, name: str, reason: str) -> None:
    """End a request without a model: the escrow returns, who deserted still pays for it."""
    request, progress = draft.get(REQUESTS, name), draft.get(PROGRESS, name)
    places = _places(draft, name)
    if request.chain == draft.chain:
        _hand_over(draft, request, progress, places, ("refunded", reason, "", 0))
        return
    _end(draft, request, progress, places, Purse(progress.escrow), "refunded", reason)


def _hand_over(
    draft: Draft,
    request: Request,
    progress: Progress,
    places: list[Place],
    ending: departures.Ending,
) -> None:
    """End a request whose money is on the main chain: that is told how, and pays."""
    departures.report(draft, request.request, progress, places, ending)
    _close(draft, request, progress, places, ending[0], ending[1])


def weights(request: Request, places: list[Place]) -> dict[str, int]:
    """Each paid member's weight by the rule that the request names; without an accepted post it is none."""
    paid = [p for p in places if p.present and p.role != "analyst" and p.status != "expelled"]
    kind = request.rules.paying.weight
    if kind in ("angle", "angle_as_printed"):
        share = exp_ppm if kind == "angle" else one_minus_exp_ppm
        seen = [p for p in paid if p.measured is not None]
        soft = softmax_weights([share(max(0, p.measured or 0)) for p in seen])
        weight_of = {p.member: w for p, w in zip(seen, soft, strict=True)}
        return {p.member: weight_of.get(p.member, 0) for p in paid}
    if kind == "gain":
        return dict(zip([p.member for p in paid], capped_weights([p.gain for p in paid]), strict=True))
    if kind == "amount":
        return {p.member: p.amount * p.present for p in paid}
    return {p.member: p.present for p in paid}


def round_shares(request: Request, paid: list[Place], gained: dict[str, int], amount: int) -> dict[str, int]:
    """How one round's reward is divided among those who served it (bpcv 4.1)."""
    if not paid:
        return {}
    kind = request.rules.paying.weight
    if kind == "amount":
        parts = [p.amount for p in paid]
    elif kind == "gain":
        parts = list(capped_weights([gained.get(p.member, 0) for p in paid]))
    else:
        parts = [1] * len(paid)
    return dict(zip([p.member for p in paid], split(amount, parts), strict=True))


def round_reward(request: Request, round_: int) -> int:
    """What one round is worth: as scheduled, else an even part of the reward without the fees."""
    pay, rounds = request.rules.paying, request.rules.stopping.rounds
    if pay.schedule:
        return pay.schedule[round_ - 1]
    return (request.reward - pay.recorder_fee - pay.analyst_fee) // rounds


def _rewards(
    request: Request, progress: Progress, places: list[Place], shares: dict[str, int], payable: int
) -> list[tuple[str, int]]:
    pay = request.rules.paying
    if not shares:
        return []
    if pay.kind == "lump":
        return _lump(progress, pay.leader_share, shares, payable)
    if pay.kind == "per_round":
        owed = [(p.member, p.earned) for p in places if p.member in shares and p.earned]
        promised = request.reward - pay.recorder_fee - pay.analyst_fee
        if promised:
            owed = [(m, amount * min(payable, promised) // promised) for m, amount in owed]
        return owed
    owed = [
        (p.member, pay.price * p.amount * p.present // max(1, progress.completed))
        for p in places
        if p.member in shares
    ]
    total = sum(amount for _, amount in owed)
    if total <= payable:
        return owed
    parts = split(payable, [amount for _, amount in owed])
    return [(member, part) for (member, _), part in zip(owed, parts, strict=True)]


def _lump(
    progress: Progress, leader_share: bool, shares: dict[str, int], payable: int
) -> list[tuple[str, int]]:
    """bp2p eq. 10-11 with erratum 2: the leader's C/N first, then weights; the remainder is the leader's."""
    members = list(shares)
    first = members.index(progress.leader) if progress.leader in shares else 0
    base = payable // len(members) if leader_share and progress.leader in shares else 0
    parts = list(split(payable - base, list(shares.values()), first))
    parts[first] += base
    return list(zip(members, parts, strict=True))


def _earn(draft: Draft, purse: Purse, request: str, member: str, amount: int, why: str) -> None:
    taken = purse.take(amount)
    if member and taken:
        purse.earned[member] = purse.earned.get(member, 0) + taken
        credit_account(draft, member, taken)
        draft.emit(Paid(request, member, taken, why))


def fines(request: Request, place: Place, all_turns: int) -> tuple[int, int]:
    """What a deposit loses: to the others for missed turns, to the escrow (bp2p eq. 1-3, errata 3, 20)."""
    rules = request.rules
    turns = all_turns if rules.paying.penalties == "as_printed" else place.turns
    missed = place.missed + (place.idle if rules.paying.penalties == "as_printed" else 0)
    idle = 0 if rules.paying.penalties == "as_printed" else place.idle
    to_others = place.deposit * min(missed, turns) // turns if turns else 0
    for_idle = place.deposit * min(idle, turns) // turns if turns else 0
    one_round = -(-request.reward // (rules.stopping.rounds * rules.forming.size))
    to_escrow = for_idle + place.forfeits * one_round
    return to_others, min(to_escrow, place.deposit - to_others)


def _end(
    draft: Draft,
    request: Request,
    progress: Progress,
    places: list[Place],
    purse: Purse,
    outcome: str,
    why: str,
) -> None:
    name = request.request
    all_turns = sum(place.turns for place in places)
    lost = {place.member: fines(request, place, all_turns) for place in places}
    for place in places:
        to_others, to_escrow = lost[place.member]
        credit_account(draft, place.member, place.deposit - to_others - to_escrow)
        purse.left += to_escrow
        if to_others + to_escrow:
            draft.emit(Fined(name, place.member, to_others + to_escrow))
    purse.left += _compensate(
        draft, name, places, {m: fine for m, (fine, _) in lost.items()}, progress.leader
    )
    _credit(draft, request, purse.earned, {m: sum(both) for m, both in lost.items()})
    _return_rest(draft, request, purse.left)
    _close(draft, request, progress, places, outcome, why)


def _close(
    draft: Draft, request: Request, progress: Progress, places: list[Place], outcome: str, why: str
) -> None:
    name = request.request
    _clear(draft, request, progress, places)
    draft.change(PROGRESS, name, stage=outcome, escrow=0, deadline=0, phase=-1, outcome=why)
    live.remove(draft, name)
    draft.emit(RequestEnded(name, outcome, why))


def _compensate(draft: Draft, request: str, places: list[Place], fined: dict[str, int], leader: str) -> int:
    """Share each one's penalty among the others who stayed; what nobody can take returns to the escrow.

    Every other gets the same of a penalty and the leader the remainder, so that one pass over the team
    says what each gets of all penalties together.
    """
    stayed = {p.member: 0 for p in places if p.status == "active"}
    shared = left = 0  # of all penalties, what falls to each who stayed but the one who pays it
    for faulty, amount in fined.items():
        others = len(stayed) - (faulty in stayed)
        if not others:
            left += amount
            continue
        part = amount // others
        shared += part
        if faulty in stayed:
            stayed[faulty] -= part
        heirs = (leader, *islice(stayed, 2))
        first = next(member for member in heirs if member in stayed and member != faulty)
        stayed[first] += amount - part * others
    for member, more in stayed.items():
        if shared + more:
            credit_account(draft, member, shared + more)
            draft.emit(Paid(request, member, shared + more, "compensation"))
    return left


def _credit(draft: Draft, request: Request, earned: dict[str, int], lost: dict[str, int]) -> None:
    """bp2p eq. 12: credit grows by what was earned, less each time the same two settle; fines lower it."""
    for member in sorted({**earned, **lost}):
        account = draft.find(ACCOUNTS, member) or Account()
        pair = draft.find(PAIRS, request.member, member) or Pair(0)
        gained = earned.get(member, 0) >> min(pair.settled, 60)
        if earned.get(member):
            draft.put(PAIRS, Pair(pair.settled + 1), request.member, member)
        credit = min(MAX_SUPPLY, max(0, account.credit + gained - lost.get(member, 0)))
        draft.put(ACCOUNTS, replace(account, credit=credit), member)
        if credit > account.credit:
            draft.emit(CreditGained(member, credit - account.credit))
        elif credit < account.credit:
            draft.emit(CreditLost(member, account.credit - credit))


def _return_rest(draft: Draft, request: Request, amount: int) -> None:
    """What is left of the escrow goes back to where it came from: the parent's escrow while it lives."""
    origin = request
    while origin.parent:
        origin = draft.get(REQUESTS, origin.parent)
        progress = draft.get(PROGRESS, origin.request)
        if progress.stage in live.LIVE:
            escrow, purchased = progress.escrow + amount, max(0, progress.purchased - amount)
            draft.change(PROGRESS, origin.request, escrow=escrow, purchased=purchased)
            return
    credit_account(draft, origin.member, amount)


def _places(draft: Draft, name: str) -> list[Place]:
    """Every place of a request, those who left included, in the order of their names."""
    team = draft.find(TEAMS, name)
    if team is None:
        return []
    return [draft.get(PLACES, name, member) for member in sorted((*team.active, *team.gone))]


def _present(places: list[Place]) -> dict[str, Place]:
    return {place.member: place for place in places if place.present}


def _clear(draft: Draft, request: Request, progress: Progress, places: list[Place]) -> None:
    """Remove what only a live request needs; the history stays in the blocks."""
    name = request.request
    for place in places:
        reservations.release(draft, name, place.member, place.units, used=place.opened)
        draft.delete(PLACES, name, place.member)
        draft.delete(STATEMENTS, name, place.member)
    for _, application in draft.scan(APPLICATIONS, name):
        seats.give_back(draft, name, application)
    draft.delete(TEAMS, name)
    draft.delete(LISTINGS, name)
    draft.delete(RECORD_DRAFTS, name)
    clear_round(draft, request)
    for key, _ in draft.scan(ALLOCATIONS, name) if request.chain == draft.chain else ():
        draft.delete(ALLOCATIONS, *key.split("/")[1:])
    for step, deadline in (
        *((kind, progress.deadline) for kind in STAGE_DUE),
        ("time", progress.until),
        ("overdue", progress.final),
    ):
        deadlines.cancel(draft, deadline, step, name)


STAGE_DUE = ("forming", "overdue", "record", "approve", "test", "certify")


def clear_round(draft: Draft, request: Request) -> None:
    """Remove the posts and phases of the round that has ended."""
    name = request.request
    for index in range(len(all_phases(request.rules))):
        phase = draft.find(PHASES, name, index)
        if phase is None:
            continue
        deadlines.cancel(draft, phase.deadline, "phase", name)
        for member in phase.owed:
            draft.delete(POSTS, name, index, member)
        draft.delete(PHASES, name, index)
    draft.delete(ROUNDS, name)
