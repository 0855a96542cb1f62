"""What transactions may meet, as their own docstrings list it: the pairs that histories must show."""

from __future__ import annotations

import re
from functools import lru_cache

from tallystick.ledger import rejections as no
from tallystick.ledger import transactions as tx

ENVELOPE = tuple(kind.name for code, kind in sorted(no.all_refusals().items()) if code < 20)


@lru_cache(maxsize=64)
def listed_refusals(kind: type[tx.Body]) -> tuple[str, ...]:
    """The refusals that a transaction's docstring names after "Refused:"."""
    found = re.search(r"Refused:\s*([A-Za-z,\s]+)\.", kind.__doc__ or "")
    return tuple(re.findall(r"[A-Z][A-Za-z]+", found.group(1))) if found else ()


def all_pairs() -> tuple[tuple[str, str], ...]:
    """Every (transaction, refusal) that has to occur, and every refusal of the envelope itself."""
    pairs = [
        (kind.__name__, refusal)
        for kind in tx.Body.__subclasses__()
        for refusal in listed_refusals(kind)
        if refusal != "Internal"
    ]
    return (*pairs, *(("Envelope", refusal) for refusal in ENVELOPE))


PAIRS = all_pairs()

# What takes a rare situation is looked for first, the rarest most often.
HARDEST = (
    *(("Certify", "AlreadyDone"), ("Certify", "NotYourTurn"), ("OpenTest", "BadReveal")),
    *(("Approve", "AlreadyDone"), ("Approve", "NotYourTurn"), ("Reveal", "AlreadyDone")),
    *(("Apply", "NotEnoughTokens"), ("PostRecord", "BadRecord")),
)
HARD = (
    *(("Apply", refusal) for refusal in ("NotEnoughCredit", "NotEligible", "OverBudget", "AlreadyDone")),
    *(("PostRequest", "WrongStage"), ("RegisterUnit", "WrongStage"), ("RevokeGrant", "WrongStage")),
    *(("Post", "BadReveal"), ("Reveal", "BadReveal"), ("Vote", "NotEligible")),
)
COMMON = ("Suspended", "DeviceMayNot", "UnknownRecord", "WrongStage", "NotYours", "WrongPhase")
RARE = (
    *(("Leave", "WrongStage"), ("Apply", "BenchFull"), ("Propose", "NotEligible"), ("Vote", "AlreadyDone")),
    *(
        (kind, refusal)
        for kind, refusal in PAIRS
        if kind in ("PostRecord", "Approve", "Certify", "OpenTest", "Reveal", "Post", "ChooseTeam")
        and refusal not in COMMON
    ),
)
