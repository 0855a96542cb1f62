"""A million transactions that are none: nothing is raised, nothing leaves a trace."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from benchmarks.case import Case, Measured, Progress, at_least, exactly

MANY, AT_A_TIME, WORKERS = 1_000_000, 50_000, 2


def tried(seed: int, count: int) -> dict[str, int]:
    from tests.ledger.model.malformed import try_many

    return try_many(seed, count)


def measure(smoke: bool, progress: Progress) -> list[Measured]:
    many, size = (4_000, 2_000) if smoke else (MANY + AT_A_TIME, AT_A_TIME // WORKERS)
    met: Counter[str] = Counter()
    raised: list[str] = []
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:

        def batch(first: int) -> tuple[dict[str, int], list[str]]:
            waiting = [pool.submit(tried, first + worker, size) for worker in range(WORKERS)]
            counts: Counter[str] = Counter()
            wrong = []
            for future in waiting:
                try:
                    counts.update(future.result())
                except Exception as error:  # noqa: BLE001 - what is raised here is what the case looks for
                    wrong.append(f"{type(error).__name__}: {str(error)[:300]}")
            return dict(counts), wrong

        for first in range(0, many // size, WORKERS):
            counts, wrong = progress.once(f"from seed {first}", partial(batch, first))
            met.update(counts)
            raised += wrong
    total, sound = sum(met.values()), met.pop("well-formed", 0)
    return [
        Measured(
            value=len(raised),
            unit="faults",
            what="exceptions out of the transition, or traces in the state",
            target=exactly(0),
            note=f"Seeds 0 to {many // size - 1}. " + "; ".join(raised[:3]),
        ),
        Measured(
            value=total - sound,
            unit="transactions",
            what="malformed, each refused by a receipt without a trace",
            target=None if smoke else at_least(MANY),
            note="Mutated, cut, joined, widened, nested and random bytes; mutated fields under signatures "
            f"that fit. {', '.join(f'{name} {count:,}' for name, count in met.most_common())}. "
            f"{sound:,} more were mutated into well-formed ones and served as such.",
        ),
    ]


CASES = (
    Case(
        "faults",
        "malformed",
        "a million malformed transactions: no exception leaves the transition, none changes the state",
        measure,
        minutes=2,
    ),
)
