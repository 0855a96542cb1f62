"""The embedded ledger under kill −9, torn and flipped files, a failing disk: nothing acknowledged is lost."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Measured, Progress, at_least, exactly

KILLS = 2_000
IMAGES = 20_000


def _kill(seed: int, kills: int) -> dict[str, Any]:
    from tests.faults.kill import kill_at_random
    from tests.faults.subject import LEDGER

    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        toll = kill_at_random(Path(folder), LEDGER, kills, seed)
    return {**vars(toll), "seconds": time.monotonic() - begun}


def _points(_seed: int, occurrences: int) -> dict[str, Any]:
    from tests.faults.kill import die_at_points
    from tests.faults.subject import LEDGER

    with tempfile.TemporaryDirectory() as folder:
        return vars(die_at_points(Path(folder), LEDGER, range(1, occurrences + 1)))


def _torn(seed: int, images: int) -> dict[str, Any]:
    from tests.faults.subject import LEDGER, memory_folder
    from tests.faults.torn import sweep

    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        return vars(sweep(Path(folder), LEDGER, images, seed))


def _alone(seed: int, images: int) -> dict[str, Any]:
    from tests.faults.subject import STANDIN, memory_folder
    from tests.faults.torn import sqlite_alone

    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        return {"silent": sqlite_alone(Path(folder), STANDIN, images, seed), "images": images}


def _fail(kind: int, step: int) -> dict[str, Any]:
    from tests.faults.io_errors import FAULTS, fail_each_call
    from tests.faults.subject import LEDGER, memory_folder

    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        return vars(fail_each_call(Path(folder), LEDGER, FAULTS[kind // 2], bool(kind % 2), count(1, step)))


def _limit(part: int, step: int) -> dict[str, Any]:
    from tests.faults.io_errors import limit_file_sizes
    from tests.faults.subject import LEDGER, memory_folder

    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        return vars(limit_file_sizes(Path(folder), LEDGER, range(part * 40_000, (part + 1) * 40_000, step)))


def _in_pairs(
    work: Callable[[int, int], dict[str, Any]], seeds: Sequence[int], size: int, progress: Progress
) -> list[dict[str, Any]]:
    """The work for each seed, two at a time; what was done before a stop is kept."""
    parts: list[dict[str, Any]] = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for start in range(0, len(seeds), 2):
            pair = seeds[start : start + 2]
            key = f"{work.__name__} {list(pair)} of {size}"
            parts += progress.once(key, partial(_worked, pool, work, pair, size))
    return parts


def _worked(
    pool: Executor, work: Callable[[int, int], dict[str, Any]], seeds: Sequence[int], size: int
) -> list[dict[str, Any]]:
    return list(pool.map(work, seeds, [size] * len(seeds)))


def _total(parts: list[dict[str, Any]], name: str) -> int:
    return sum(part[name] if isinstance(part[name], int) else len(part[name]) for part in parts)


def _first(parts: list[dict[str, Any]], name: str) -> str:
    return "; ".join(line for part in parts for line in part[name])[:500]


def kill(smoke: bool, progress: Progress) -> list[Measured]:
    """Random kills under load, then an end at each named point."""
    each = 10 if smoke else 200
    seeds = range(2) if smoke else range(KILLS // each)
    parts = _in_pairs(_kill, seeds, each, progress)
    points = _in_pairs(_points, [0], 1 if smoke else 20, progress)
    kills, minutes = _total(parts, "kills"), sum(part["seconds"] for part in parts) / 60
    acknowledged, repaired = _total(parts, "acknowledged"), _total(parts, "repaired")
    lost, named = _total(parts, "lost"), _total(points, "lost")
    note = (
        f"{acknowledged:,} acknowledged, {repaired} openings mended something; "
        f"{kills / minutes:.0f} kills a minute in each of two processes"
    )
    return [
        Measured(
            what="acknowledged transactions lost",
            value=lost,
            unit="transactions",
            target=exactly(0),
            seeds=list(seeds),
            note=_first(parts, "lost") or note,
        ),
        Measured(what="random kills", value=kills, unit="kills", target=at_least(20 if smoke else KILLS)),
        Measured(
            what="lost at named points before and after every write, sync and commit",
            value=named,
            unit="transactions",
            target=exactly(0),
            note=_first(points, "lost")
            or f"{_total(points, 'kills')} ends, {_total(points, 'acknowledged')} acknowledged",
        ),
    ]


def torn(smoke: bool, progress: Progress) -> list[Measured]:
    """Flips, cuts, zeroed, noisy and stale sectors, lost files: block log, database, write-ahead log."""
    each = 40 if smoke else 500
    seeds = range(2) if smoke else range(IMAGES // each)
    parts = _in_pairs(_torn, seeds, each, progress)
    (alone,) = _in_pairs(_alone, [1], 20 if smoke else 400, progress)
    images, wrong = _total(parts, "images"), _total(parts, "wrong")
    note = (
        f"{_total(parts, 'sound')} opened as they were, {_total(parts, 'mended')} mended, "
        f"{_total(parts, 'refused')} refused, {_total(parts, 'noticed')} noticed when written to"
    )
    return [
        Measured(
            what="damage undetected",
            value=wrong,
            unit="images",
            target=exactly(0),
            seeds=list(seeds),
            note=_first(parts, "wrong") or note,
        ),
        Measured(
            what="damaged images", value=images, unit="images", target=at_least(80 if smoke else IMAGES)
        ),
        Measured(
            what="SQLite alone: blocks lost without a word after one flipped bit in its write-ahead log",
            value=alone["silent"],
            unit="images",
            note=f"of {alone['images']}, each with integrity_check ok",
        ),
    ]


def io_errors(smoke: bool, progress: Progress) -> list[Measured]:
    """ENOSPC, EIO, short and late failures at each call in turn; then files that may not grow."""
    parts = _in_pairs(_fail, range(8), 25 if smoke else 1, progress)
    limits = _in_pairs(_limit, range(4), 9_001 if smoke else 151, progress)
    wrong = _total(parts, "wrong") + _total(limits, "wrong")
    failures = _total(parts, "failures") + _total(limits, "failures")
    return [
        Measured(
            what="ledgers not usable afterwards, or that lost something acknowledged",
            value=wrong,
            unit="runs",
            target=exactly(0),
            note=_first(parts, "wrong") + _first(limits, "wrong")
            or f"{_total(limits, 'failures')} of {failures} runs by a limit on file sizes",
        ),
        Measured(what="failing runs", value=failures, unit="runs", target=at_least(20 if smoke else 500)),
    ]


CASES = (
    Case("faults", "kill", "kill −9 at random moments and named points, under load", kill, minutes=6),
    Case("faults", "torn-store", "torn and flipped log and database files", torn, minutes=8),
    Case("faults", "io-errors", "a full or failing disk at every k-th call", io_errors, minutes=6),
)
