"""Plays single histories again: `python -m tests.ledger.model SEED [SEED ...]` or `FIRST-LAST`."""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter

from benchmarks.faults_histories import OF_TWO_CHAINS
from tests.ledger.model.history import play
from tests.ledger.model.refusals import two_chains
from tests.ledger.model.refusals.expected import PAIRS
from tests.ledger.model.scenes import history_of
from tests.ledger.observed import Broken

MOST = 8  # failures that are shown


def main(arguments: list[str]) -> int:
    seeds: list[int] = []
    for argument in arguments:
        first, _, last = argument.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    begun, met, stood, steps, failed = time.monotonic(), Counter[tuple[str, str]](), 0, 0, 0
    for seed in seeds:
        if failed == MOST:
            print(f"{MOST} histories failed; the rest is not played")
            break
        try:
            history = play(history_of(seed))
            if seed % OF_TWO_CHAINS == 0:
                met += two_chains.played(seed).met
        except Broken as broken:
            failed += 1
            print(f"history {seed}: {str(broken)[:1500]}")
            continue
        except Exception as error:  # noqa: BLE001 - an exception out of the ledger is a finding like any other
            failed += 1
            print(f"history {seed}: {type(error).__name__}: {error}")
            print("".join(traceback.format_tb(error.__traceback__)[-3:]), end="")
            continue
        met += history.met
        stood += history.books.stood > 0
        steps += history.steps
    rare = {pair: met[pair] for pair in PAIRS if met[pair] * 10_000 < 130 * len(seeds)}
    print(f"{len(seeds)} histories, {failed} failed, {steps} steps in {time.monotonic() - begun:.1f} s")
    print(f"{stood} with an approved record; {sum(met.values())} transactions")
    print(f"{len(rare)} of {len(PAIRS)} pairs too rare: {rare}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
