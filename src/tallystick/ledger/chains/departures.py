"""A request leaves for the chain where its rounds run, and its outcome for the chain that settles it."""

from typing import Literal, TypeAlias

from msgspec.structs import replace

from ..deadlines import AT_ONCE, schedule
from ..notices import OutcomeSent, RequestSent
from ..records import Place, Progress, Request
from ..rules import Rules
from ..state import (
    CHAIN,
    MESSAGES,
    OTHER_CHAINS,
    PLACES,
    PROGRESS,
    TEAMS,
    Draft,
)
from . import allocations
from .messages import ChainMessage, Opening, Outcome, Served

LARGEST = 500_000  # bytes of a message: a transaction that carries it must hold its proof too
ATTEMPTS = 3  # recorders
# Settled or refunded, why, the recorder, how many approved.
Ending: TypeAlias = tuple[Literal["settled", "refunded"], str, str, int]


def why_not_on_chain(rules: Rules, settling: int) -> str | None:
    """Why a request by these rules cannot run on another chain, or None."""
    form = rules.forming
    if form.size > AT_ONCE:
        return f"on another chain a team has at most {AT_ONCE} members, not {form.size}"
    if form.bench:
        return "on another chain there is no bench: what a joiner may spend would have to be reserved here"
    if rules.purchase_limit:
        return "on another chain nothing can be bought from the escrow, which stays here"
    needed = longest_end(rules)
    if needed > settling:
        return f"its closing and recording may take {needed} ms, outcomes are due within {settling} ms"
    return None


def longest_end(rules: Rules) -> int:
    """How long it can take from the end of the rounds until the outcome is final."""
    closing = sum(
        rule.wait * (rules.forming.size if rule.turn == "in_order" else 1 + rule.sealed)
        for rule in rules.closing
    )
    recording = ATTEMPTS * (rules.electing.wait + rules.electing.approve_wait)
    testing = 0 if rules.test is None else rules.test.wait + rules.electing.approve_wait
    return closing + recording + testing


def at_stake(progress: Progress, places: list[Place]) -> int:
    """What a chain could misdirect of a request: its escrow and its team's deposits."""
    return progress.escrow + sum(place.deposit for place in places)


def depart(draft: Draft, request: Request) -> str | None:
    """The team stands: reserve for the other chain what it may spend and tell it; or why that cannot be."""
    name, progress = request.request, draft.get(PROGRESS, request.request)
    other = draft.get(OTHER_CHAINS, request.chain)
    places = [draft.get(PLACES, name, member) for member in draft.get(TEAMS, name).active]
    stake = at_stake(progress, places)
    if other.frozen:
        return f"chain {request.chain!r} is frozen"
    if other.escrow + stake > other.terms.escrow_cap:
        return f"chain {request.chain!r} may hold no more than {other.terms.escrow_cap} tokens"
    final = draft.time + request.rules.stopping.time + other.terms.settling
    allocated = tuple(pair for place in places for pair in allocations.of_place(draft, name, place))
    seated = tuple(replace(place, deposit=0) for place in places)
    message = ChainMessage(Opening(request, progress.leader, progress.analyst, seated, allocated, final))
    if len(MESSAGES.encode(message)) > LARGEST:
        return f"what its team may spend does not fit into a message of {LARGEST} bytes"
    deadline = final + other.terms.refunding
    draft.put(MESSAGES, message, request.chain, name)
    draft.add(OTHER_CHAINS, request.chain, escrow=stake)
    draft.change(PROGRESS, name, stage="away", deadline=deadline, final=final)
    schedule(draft, deadline, "overdue", name)
    draft.emit(RequestSent(name, request.chain, final))
    return None


def report(
    draft: Draft,
    name: str,
    progress: Progress,
    places: list[Place],
    ending: Ending,
) -> None:
    """A request that ran here has ended: tell the main chain, unless that may take it for lost already."""
    if draft.time >= progress.final:
        return
    outcome, why, recorder, approving = ending
    message = Outcome(
        outcome,
        why,
        recorder,
        approving,
        progress.leader,
        progress.analyst,
        progress.completed,
        progress.model,
        progress.author,
        progress.history,
        progress.figure,
        progress.recorders,
        progress.attempt,
        progress.reached,
        tuple(_served(place) for place in places),
        allocations.left(draft, name),
    )
    draft.put(MESSAGES, ChainMessage(message), draft.get(CHAIN).main, name)
    draft.emit(OutcomeSent(name, outcome))


def _served(place: Place) -> Served:
    return Served(**{field: getattr(place, field) for field in Served.__struct_fields__})
