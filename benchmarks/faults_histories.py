"""Random histories of the ledger with books kept beside it, and bugs that are planted to test the books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from benchmarks.case import Case, Measured, Progress, Target, at_least, exactly

HISTORIES, STEPS = 10_000, 50
AT_A_TIME = 500  # histories between two notes of how far the case is
WORKERS = 2
OF_TWO_CHAINS = 10  # every so many histories have a second part, of two chains
RARE = 100  # how often every pair has to occur
SOUND = 40  # histories of a planted bug whose beginnings are without it
TRIES = 2_000  # histories in which a planted bug has to be noticed
COMMAND = "python -m tests.ledger.model SEED plays one again"


def played(seeds: Sequence[int]) -> dict[str, Any]:
    """Play these histories; what they met, and which of them broke a rule."""
    from tests.ledger.model.history import play
    from tests.ledger.model.refusals import two_chains
    from tests.ledger.model.scenes import history_of

    met: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    broken: list[str] = []
    for seed in seeds:
        try:
            history = play(history_of(seed), STEPS)
            away = two_chains.played(seed) if seed % OF_TWO_CHAINS == 0 else None
        except Exception as error:  # noqa: BLE001 - whatever a history raises is a finding, and the rest is played
            broken.append(f"history {seed}: {type(error).__name__}: {str(error)[:300]}")
            continue
        met.update({"/".join(pair): count for pair, count in history.met.items()})
        if away is not None:
            met.update({"/".join(pair): count for pair, count in away.met.items()})
            sums.update(elsewhere=sum(away.ended.values()), returned=away.ended["settled"])
        sums.update(histories=1, steps=history.steps, blocks=history.blocks)
        sums.update(approved=history.books.stood > 0, **history.books.ended)
    return {"met": met, "sums": sums, "broken": broken}


def noticed(place: int, tries: int) -> int:
    """In which history, counted from 1, a planted bug is noticed; 0 where it is not."""
    from tests.ledger.model.bugs.every import BUGS
    from tests.ledger.model.bugs.planting import planted
    from tests.ledger.model.history import play
    from tests.ledger.model.scenes import history_of

    for seed in range(tries):
        sound = history_of(seed) if seed < SOUND else None  # prepared before anything is wrong
        try:
            with planted(BUGS[place]):
                play(sound or history_of(seed), STEPS)
        except Exception:  # noqa: BLE001 - any fault is a bug noticed
            return seed + 1
    return 0


def measure(smoke: bool, progress: Progress) -> list[Measured]:
    from tests.ledger.model.bugs.every import BUGS
    from tests.ledger.model.refusals.expected import PAIRS

    histories, tries = (40, 120) if smoke else (HISTORIES, TRIES)
    bugs = range(0, len(BUGS), 12) if smoke else range(len(BUGS))
    met: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    broken: list[str] = []
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:

        def batch(first: int) -> dict[str, Any]:
            seeds = range(first, min(first + AT_A_TIME, histories))
            parts = list(pool.map(played, [list(seeds[start::WORKERS]) for start in range(WORKERS)]))
            return {
                "met": sum((part["met"] for part in parts), Counter()),
                "sums": sum((part["sums"] for part in parts), Counter()),
                "broken": [line for part in parts for line in part["broken"]],
            }

        for first in range(0, histories, AT_A_TIME):
            came = progress.once(f"histories from {first}", partial(batch, first))
            met.update(came["met"])
            sums.update(came["sums"])
            broken += came["broken"]
        for line in broken[:20]:
            progress(line)

        def plant(few: Sequence[int]) -> list[int]:
            return list(pool.map(noticed, few, [tries] * len(few)))

        caught: dict[str, int] = {}
        for start in range(0, len(bugs), 8):
            few = list(bugs[start : start + 8])
            when = progress.once(f"bugs from {start}", partial(plant, few))
            caught.update({BUGS[place].what: place_ for place, place_ in zip(few, when, strict=True)})
    return _rows(
        smoke, histories, sums, {"/".join(pair): met["/".join(pair)] for pair in PAIRS}, broken, caught
    )


def _rows(
    smoke: bool,
    histories: int,
    sums: Counter[str],
    met: dict[str, int],
    broken: list[str],
    caught: dict[str, int],
) -> list[Measured]:
    rarest = min(met, key=lambda pair: met[pair])
    missed = [what for what, when in caught.items() if not when]
    latest = max(caught.values())

    def unless_smoke(target: Target) -> Target | None:
        return None if smoke else target

    return [
        Measured(
            value=len(broken),
            unit="histories",
            what="in which anything was wrong",
            target=exactly(0),
            note=f"Seeds 0 to {histories - 1}. Each starts from one of 360 prepared worlds (members, units, "
            f"grants, requests at every stage), which were checked alike while they were "
            f"made; {COMMAND}. After every block all "
            "invariants and the books are compared, after the last the invariants over the stored bytes too."
            + "".join(f" {line}" for line in broken[:3]),
        ),
        Measured(
            value=sums["steps"],
            unit="steps",
            what="transactions and clock advances",
            target=unless_smoke(at_least(HISTORIES * STEPS)),
            note=f"{sums['histories']} histories; then the clock alone, until every request had ended: "
            f"{sums['settled']} settled, {sums['refunded']} refunded, none left, nothing of them in "
            f"deposits, escrows or reservations. In {histories // OF_TWO_CHAINS} second parts of two chains: "
            f"{sums['elsewhere']} requests, {sums['returned']} of them settled by what the other chain said.",
        ),
        Measured(
            value=sums["approved"] / max(1, sums["histories"]),
            unit="of the histories",
            what="reach an approved record within their steps",
            target=unless_smoke(at_least(0.3)),
        ),
        Measured(
            value=met[rarest],
            unit="times",
            what="the rarest refusal of a transaction occurred",
            target=unless_smoke(at_least(RARE)),
            note=f"{rarest}; {len(met)} pairs in all: every one that a docstring lists, and the envelope's.",
        ),
        Measured(
            value=len(caught) - len(missed),
            unit=f"of {len(caught)} planted bugs",
            what="noticed",
            target=exactly(len(caught)),
            note=f"The latest in history {latest}."
            + (f" Not noticed: {', '.join(missed)}." if missed else ""),
        ),
    ]


CASES = (
    Case(
        "faults",
        "histories",
        "conservation and an end for every request over random histories; planted bugs are noticed",
        measure,
        minutes=12,
    ),
)
