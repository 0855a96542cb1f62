"""Defects that are planted into the ledger one by one: each has to be noticed by the histories.

A bug is a piece of a function's source and what it is replaced by; the changed function takes the place
of the sound one wherever that is used, and goes again afterwards.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tallystick.ledger import transition
from tallystick.ledger.handlers import HANDLERS

PACKAGE = "tallystick.ledger"


@dataclass(frozen=True)
class Bug:
    """What is wrong, where, and how."""

    what: str
    module: str
    function: str
    sound: str
    wrong: str


BUGS = (
    # money
    Bug("a missed turn costs nothing", "settlement", "fines",
        "place.deposit * min(missed, turns) // turns", "0"),
    Bug("idling costs nothing", "settlement", "fines", "to_escrow = for_idle +", "to_escrow ="),
    Bug("compensation is lost", "settlement", "_compensate", "shared += part", "pass"),
    Bug("a remainder is lost", "..base.fixed", "split", "+= total - sum(parts)", "+= 0"),
    Bug("deposits stay behind", "settlement", "_end", "place.deposit - to_others - to_escrow", "0"),
    Bug("the escrow is not returned", "settlement", "_return_rest",
        "origin.member, amount", "origin.member, 0"),
    Bug("a purchase's rest is lost", "settlement", "_return_rest",
        "progress.escrow + amount", "progress.escrow"),
    Bug("the leader's share is paid twice", "settlement", "_lump", "split(payable - base,", "split(payable,"),
    Bug("missed quality is paid", "settlement", "settle", "if not progress.reached:", "if False:"),
    Bug("the cap on shares is ignored", "settlement", "weights",
        "capped_weights([p.gain for p in paid])", "[p.gain for p in paid]"),
    Bug("credit is gained twice", "settlement", "_credit",
        "account.credit + gained", "account.credit + 2 * gained"),
    Bug("friends earn full credit", "settlement", "_credit", "pair.settled, 60", "0, 60"),
    Bug("a stake is lost on the bench", "seats", "give_back", "application.locked)", "0)"),
    Bug("tokens are copied", "handlers.tokens", "transfer", "payer.balance - body.amount", "payer.balance"),
    Bug("the cap is passed", "handlers.tokens", "ensure_below_cap", "chain.issued + amount <=", "amount <="),
    Bug("the limit of purchases is ignored", "handlers.requests", "_ensure_parent",
        "min(progress.escrow, parent.rules.purchase_limit - progress.purchased)", "progress.escrow"),
    Bug("leaving is free", "handlers.teams", "leave",
        "missed=place.missed + unserved", "missed=place.missed"),
    Bug("a silent recorder is not fined", "elections", "no_record",
        "missed=place.missed + 1", "missed=place.missed"),
    Bug("hidden scores are forgiven", "phases", "_stands",
        "forfeits=place.forfeits + 1", "forfeits=place.forfeits"),
    # privacy
    Bug("a phase opens uncharged", "phases", "_open_for", "reservations.charge(", "(lambda *_: None)("),
    Bug("a reservation is never released", "reservations", "_release_one",
        "draft.put(LINEAGES, lineage, held.lineage)", "pass"),
    Bug("one round is reserved for all", "reservations", "worst_case",
        "rounds if rule in rules.phases else 1", "1"),
    Bug("the budget is not looked at", "reservations", "ensure_affordable", "ensure(fits,", "ensure(True,"),
    Bug("uses of a grant are not counted", "reservations", "_reserve_one",
        "used=grant.used + 1", "used=grant.used"),
    Bug("a revoked grant goes on", "reservations", "_lapsed", "if grant.revoked:", "if False:"),
    Bug("an ended grant goes on", "reservations", "_lapsed",
        "draft.time >= grant.until", "draft.time > grant.until"),
    Bug("rows come back with a fresh budget", "handlers.units", "_joined_lineage",
        "holder is not None", "False"),
    Bug("a grant outlives its owner's unit", "reservations", "why_not_granted",
        " or unit.owner != owner", ""),
    Bug("what was withdrawn is reused", "handlers.requests", "_why_not_reusable",
        "if not unit.active or grant.revoked or draft.time >= grant.until:", "if False:"),
    Bug("what is made for one is reused by all", "handlers.requests", "_why_not_reusable",
        "if grant.to not in (ANYONE, draft.sender):", "if False:"),
    # who may, and when
    Bug("a suspended member acts", "transition", "_permit", "if not member.active:", "if False:"),
    Bug("a device does everything", "transition", "_permit",
        "if by_device and", "if False and"),
    Bug("an expired transaction counts", "transition", "_authenticate",
        "draft.time < envelope.valid_until", "draft.time <= envelope.valid_until"),
    Bug("a number is used again", "transition", "_authenticate",
        "number < account.low or number in account.ahead:", "False:"),
    Bug("a member fills a block", "transition", "_within_limits", "used + weight <=", "weight <="),
    Bug("a deadline is inclusive", "due", "serve", "draft.time < deadline", "draft.time <= deadline"),
    Bug("a deadline leaks", "phases", "next_in_order",
        'cancel(draft, phase.deadline, "phase", name)', "pass"),
    Bug("the time for the rounds is endless", "rounds", "go_on", "draft.time >= progress.until", "False"),
    Bug("a bench has no end", "handlers.teams", "_ensure_open", "ensure(not full,", "ensure(True,"),
    Bug("credit is not asked for", "handlers.teams", "_ensure_credit", "credit >= needed", "True"),
    Bug("one votes twice", "handlers.votes", "vote", "ensure(voted is None,", "ensure(True,"),
    Bug("half of the votes suffice", "handlers.votes", "_suffice", "3 * approvals > 2 *", "2 * approvals >"),
    # rounds
    Bug("one posts twice", "handlers.rounds", "post", "is not None\n", "is not None and False\n"),
    Bug("any salt will do", "handlers.rounds", "post", "fits = kept ==", "fits = True or kept =="),
    Bug("any scores are revealed", "handlers.rounds", "reveal", "ensure(made == posting.content.commitment,",
        "ensure(True,"),
    Bug("a copy counts", "handlers.rounds", "_note_model",
        "hash_ == progress.model or (hash_ in state.hashes and not _own(draft, request, hash_))", "False"),
    Bug("a quorum is not needed", "phases", "_enough", " and there * PPM >= rule.quorum * len(part)", ""),
    Bug("one judges oneself", "turns", "subjects_of", "if m != judge", "if True"),
    Bug("half may lose a model", "scoring", "tally", "2 * lost >=", "2 * lost >"),
    Bug("half may call one idle", "scoring", "tally", "3 * lazy > 2 *", "2 * lazy >"),
    Bug("the start is forgotten", "scoring", "gains", "best = start", "best = None"),
    Bug("withheld salts are forgiven", "rounds", "_end_opening", "withheld.append(member)", "pass"),
    Bug("the salts do not matter", "rounds", "_end_opening", ", *salts)", ")"),
    Bug("the best is evicted", "rounds", "evicted", "worst_first[:1]", "worst_first[-1:]"),
    Bug("who gained little is evicted", "misconduct", "outliers",
        " and better(rules, start, figure) > _harm(rules)", ""),
    Bug("half may call a model harmful", "misconduct", "_harmful", "3 * worse > 2 *", "2 * worse >"),
    Bug("being expelled is free", "rounds", "_expel", "idle=idle", "idle=place.idle"),
    Bug("idle rounds are paid", "rounds", "_completed", "*state.idle, ", ""),
    Bug("data is taken back for free", "seats", "release_unentitled",
        "missed=place.missed + unserved", "missed=place.missed"),
    # records
    Bug("half of the electorate suffices", "elections", "decide",
        "3 * len(approving) > 2 *", "2 * len(approving) >="),
    Bug("who has left elects", "elections", "begin", "p.last_accepted == progress.completed and ", ""),
    Bug("an approver is its own judge", "elections", "_median_of_others", "k + (k >= place)", "k"),
    Bug("an unopened test counts against the team", "elections", "test_unopened",
        "reached=True", "reached=False"),
)  # fmt: skip


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """The ledger with this bug in it, until the block is left."""
    module = import_module(
        f"{PACKAGE}.{bug.module}" if not bug.module.startswith(".") else "tallystick" + bug.module[1:]
    )
    sound = getattr(module, bug.function)
    source = textwrap.dedent(inspect.getsource(sound))
    if source.count(bug.sound) != 1:
        raise ValueError(f"{bug.what!r} cannot be planted: {bug.sound!r} is not once in {bug.function}")
    made: dict[str, Any] = {}
    exec(compile(source.replace(bug.sound, bug.wrong), f"<{bug.what}>", "exec"), module.__dict__, made)
    undo = _replace(sound, made[bug.function])
    try:
        yield
    finally:
        for holder, name in undo:
            _set(holder, name, sound)


def _replace(sound: Any, wrong: Any) -> list[tuple[Any, Any]]:
    """Put a function in another's place in every module and table; where that was."""
    names = [name for name in sys.modules if name.startswith(("tallystick.", "tests.ledger.model.actors"))]
    holders: list[Any] = [sys.modules[name].__dict__ for name in names]
    holders += [HANDLERS, transition.SERVED_BY]
    found = [(holder, name) for holder in holders for name, value in list(holder.items()) if value is sound]
    for holder, name in found:
        _set(holder, name, wrong)
    return found


def _set(holder: Any, name: Any, value: Any) -> None:
    holder[name] = value
