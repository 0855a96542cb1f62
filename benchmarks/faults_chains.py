"""A thousand requests over three sub-chains: crashes, replays, forged and stale proofs, a frozen chain."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from benchmarks.case import Case, Measured, Progress, Target, at_least, exactly

REQUESTS, SEEDS = 1_000, 4


def measure(smoke: bool, progress: Progress) -> list[Measured]:
    from benchmarks.chaos import play

    seeds, each = (range(1), 50) if smoke else (range(SEEDS), REQUESTS // SEEDS)
    played = []
    for seed in seeds:
        progress(f"consortium {seed + 1} of {len(seeds)}")
        played.append(progress.once(f"consortium {seed} of {each}", partial(play, seed, each)))
    return rows(played, smoke, list(seeds))


def rows(played: list[dict[str, Any]], smoke: bool, seeds: list[int]) -> list[Measured]:
    counts: Counter[str] = sum((Counter(part["counts"]) for part in played), Counter())

    def total(name: str) -> int:
        return sum(part[name] if isinstance(part[name], int) else len(part[name]) for part in played)

    def unless_smoke(target: Target) -> Target | None:
        return None if smoke else target

    lies = {kind: counts[kind] for kind in ("replayed", "forged", "stale")}
    crashes = counts["crashes of carriers"] + counts["crashes of engines"]
    wrong = [line for part in played for line in part["wrong"]]
    return [
        Measured(
            what="escrows that did not end exactly once",
            value=total("not once"),
            unit="requests",
            target=exactly(0),
            seeds=seeds,
            note=f"{counts['settled']} settled by what their chain said, {counts['refunded']} refunded",
        ),
        Measured(
            what="requests over three sub-chains, one of them frozen at two thirds",
            value=total("requests"),
            unit="requests",
            target=unless_smoke(at_least(REQUESTS)),
        ),
        Measured(
            what="tokens that are not on the main chain, or missing there",
            value=total("astray"),
            unit="tokens",
            target=exactly(0),
            note=f"{total('reserved')} lineages with something still reserved at the end",
        ),
        Measured(
            what="replayed, forged or stale messages that were taken, and broken invariants",
            value=len(wrong),
            unit="messages",
            target=exactly(0),
            note="; ".join(wrong[:3])
            or f"{lies['replayed']} replayed, {lies['forged']} forged, {lies['stale']} stale; "
            f"{counts['carried']} true ones were taken",
        ),
        Measured(
            what="crashes",
            value=crashes,
            unit="crashes",
            target=unless_smoke(at_least(100)),
            note=f"{counts['crashes of engines']} of engines, opened again from what lay on their disk, "
            f"{counts['crashes of carriers']} of carriers",
        ),
        Measured(
            what="ledgers that do not execute again to what they say",
            value=total("unsound"),
            unit=f"of {4 * len(seeds)} ledgers",
            target=exactly(0),
        ),
    ]


CASES = (
    Case(
        "faults",
        "cross-chain",
        "requests over a main chain and three sub-chains: every escrow ends once, totals are conserved",
        measure,
        minutes=10,
    ),
)
