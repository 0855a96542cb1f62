"""bpcv (Liu et al.) figures 8 and 9: how busy a member's processor is with the ledger, 30 and 50 members.

A request under `mutual` gives the transactions: commitments, models' hashes, scores, records. They go into a
second ledger at the paper's five a second and a block every two seconds, in virtual time; what is counted is
the processor time that the embedded engine takes for each block, without training and judging.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Figure, Measured, Progress

RATE, EVERY = 5, 2  # transactions a second, seconds a block (§ 5.1)
ROUNDS, ROWS, SEED = 5, 16, 1  # more rounds would outlast an hour at this pace, and with it the signatures


def asked(members: int, rounds: int) -> Any:
    """A request among members with a few rows each: what they learn is of no account here."""
    from experiments.mutual.team import members as dealt
    from experiments.pictures import pictures
    from tallystick.learning.models import linear
    from tallystick.protocols.plans import plan_for
    from tallystick.simulation.study import setting_of

    own = dealt(pictures("mnist", "pooled"), members, SEED, rows=ROWS)
    return setting_of(plan_for("mutual", linear(), rounds), own, SEED, {}, (), None)


def busy(members: int, rounds: int) -> list[float]:
    """The share of one core's time in each block that holds transactions."""
    from tallystick.engines.embedded.engine import EmbeddedEngine
    from tallystick.engines.embedded.reader import open_reader
    from tallystick.simulation.behaviours import VirtualClock
    from tallystick.simulation.run import simulate
    from tallystick.simulation.setting import genesis_of, validator_of

    setting, shares = asked(members, rounds), []
    genesis, keys = genesis_of(setting), [validator_of(setting)]
    clock, before = VirtualClock(genesis.time), genesis.time
    with tempfile.TemporaryDirectory() as folder:
        first, again = Path(folder) / "first", Path(folder) / "again"
        simulate(setting, first)
        with (
            open_reader(first) as view,
            EmbeddedEngine(again, keys=keys, genesis=genesis, clock=clock) as engine,
        ):
            for height in range(1, view.status().height + 1):
                # Some of what happens waits for a deadline: no block comes sooner after the last than it did.
                kept = view.block(height)
                waited, before = kept.time - before, kept.time
                for place in range(0, max(1, len(kept.transactions)), RATE * EVERY):
                    clock.now += max(1000 * EVERY, 0 if place else waited)
                    spent = taken(engine, kept.transactions[place : place + RATE * EVERY])
                    shares += [spent / EVERY] if kept.transactions else []
    return shares


def taken(engine: Any, sent: Sequence[bytes]) -> float:
    """Processor seconds for a block with these transactions."""
    begun = time.process_time()
    tickets = [engine.submit(transaction) for transaction in sent]
    refused = [answer for answer in map(engine.wait, tickets) if answer.receipt.code]
    engine.tick()
    if refused:
        raise RuntimeError(f"refused at this pace: {refused[0].receipt.detail}")
    return time.process_time() - begun


def load(members: int, smoke: bool, progress: Progress) -> Figure:
    """The mean over all blocks, and the busiest one."""
    from tallystick.report.plots import Curve, Panel

    members, rounds = (5, 2) if smoke else (members, ROUNDS)
    shares = progress.once(f"{members}", lambda: busy(members, rounds))
    about = f"{members} members, {rounds} rounds in {len(shares)} blocks"
    note = f"of one core, {RATE} transactions a second; the paper says only that it is low"
    rows = [
        Measured(what=f"{about}: the mean", value=100 * sum(shares) / len(shares), unit="%", note=note),
        Measured(what=f"{about}: the busiest block", value=100 * max(shares), unit="%"),
    ]
    across = [float(EVERY * place) for place in range(1, len(shares) + 1)]
    curves = {f"{members} members": Curve(across, [100 * share for share in shares])}
    return Figure(rows, [Panel("seconds", "processor, % of one core", curves)])


CASES = tuple(
    Case(
        "papers",
        f"mutual-fig{number}",
        f"bpcv fig. {number}: the ledger's load, {members} members",
        partial(load, members),
        minutes=1,
    )
    for number, members in ((8, 30), (9, 50))
)
