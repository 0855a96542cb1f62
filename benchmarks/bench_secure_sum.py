"""How long a round of the secure sum takes, at members and where the sum is opened, and that it is exact."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.case import Case, Measured, Peer, Progress, at_least, at_most, exactly

if TYPE_CHECKING:
    from tallystick.privacy.secure_sum.session import SumPlan

MEMBERS, PARAMETERS, LOST = 200, 100_000, 40


@dataclass(frozen=True)
class Timed:
    """One round: seconds of the opening, milliseconds of a member's phases, and whether the sum was exact."""

    server: float
    member: dict[str, float]
    exact: bool
    upload_share: float  # keys, boxes and reveal over the masked words


def play(plan: SumPlan, lost: int) -> Timed:
    """A whole round; the lost members go after their shares were dealt, which costs the most."""
    import numpy as np

    from tallystick.base.codec import encode
    from tallystick.privacy.secure_sum.opening import open_sum
    from tallystick.privacy.secure_sum.session import deal, masked, start, unmask

    spent: dict[str, float] = {}

    def timed(phase: str, seats: list[int], work: Callable[[int], Any]) -> dict[int, Any]:
        begun = time.perf_counter()
        done = {seat: work(seat) for seat in seats}
        spent[phase] = (time.perf_counter() - begun) * 1000 / len(seats)
        return done

    everybody = list(range(plan.seats))
    survivors = everybody[lost:]
    started = timed("keys", everybody, lambda seat: start(plan, seat))
    secrets, keys = {s: both[0] for s, both in started.items()}, {s: both[1] for s, both in started.items()}
    sealed = timed("shares", everybody, lambda seat: deal(secrets[seat], keys))
    chance = np.random.default_rng(7)
    vectors = {seat: chance.integers(0, 2**plan.width, plan.length, dtype=plan.dtype) for seat in survivors}
    words = timed("mask", survivors, lambda seat: masked(secrets[seat], keys, everybody, vectors[seat]))
    inbox = {
        seat: {dealer: boxes[seat] for dealer, boxes in sealed.items() if seat in boxes} for seat in survivors
    }
    answers = timed(
        "unmask", survivors, lambda seat: unmask(secrets[seat], keys, inbox[seat], everybody, survivors)[1]
    )
    begun = time.perf_counter()
    total = open_sum(plan, keys, everybody, words, answers)
    server = time.perf_counter() - begun
    exact = np.array_equal(total, sum(vectors.values(), np.zeros(plan.length, plan.dtype)))
    first = survivors[0]
    beside = len(encode(keys[first])) + sum(map(len, sealed[first].values())) + len(encode(answers[first]))
    return Timed(server, spent, exact, beside / words[first].nbytes)


def measure(smoke: bool, progress: Progress) -> list[Measured]:
    """The stated size at both widths and on the sparse graph, then exactness over losses and sizes."""
    from tallystick.privacy.secure_sum.session import plan_for

    members, length, lost = (10, 1000, 2) if smoke else (MEMBERS, PARAMETERS, LOST)
    runs = 1 if smoke else 3
    rows: list[Measured] = []
    rounds: list[Timed] = []
    for width, degree in ((64, None), (32, None), (64, 8 if smoke else 32)):
        plans = [plan_for(os.urandom(32), members, length, degree=degree, width=width) for _ in range(runs)]
        timed = [play(plan, lost) for plan in plans]
        rounds += timed
        servers = sorted(round_.server for round_ in timed)
        graph = "complete graph" if degree is None else f"{degree} neighbours each"
        phases = ", ".join(f"{phase} {took:.1f} ms" for phase, took in timed[0].member.items())
        rows.append(
            Measured(
                what=f"opening the sum, {width}-bit words, {graph}",
                value=servers[len(servers) // 2],
                unit="s",
                target=at_most(2.0),
                spread=(servers[0], servers[-1]),
                note=f"{members} members, {length} parameters, {lost} lost after dealing shares; "
                f"median of {runs} rounds; a member: {phases}; keys, shares and reveal are "
                f"{100 * timed[0].upload_share:.1f} % of its masked words",
            )
        )
        progress(rows[-1].what)
    rounds += [
        play(plan_for(os.urandom(32), seats, 64), round(seats * share / 10))
        for seats in ((10,) if smoke else (10, 50, 200))
        for share in range(5)
    ]
    rows.append(
        Measured(
            what="rounds whose sum was exact to the bit: those above, and 0 to 40 % lost of 10, 50 and 200",
            value=100 * sum(round_.exact for round_ in rounds) / len(rounds),
            unit="%",
            target=exactly(100),
        )
    )
    return rows


def measure_noise(smoke: bool, progress: Progress) -> list[Measured]:
    """Samples a second on a grid of 2^20 units, beside numpy's floating-point noise, which leaks."""
    from fractions import Fraction

    import numpy as np

    from tallystick.privacy.grid import discrete_gaussian, discrete_laplace
    from tallystick.privacy.randomness import system

    count, scale, rows = (10_000 if smoke else 1_000_000), Fraction(2**20), []
    generator = np.random.default_rng()
    peers = {"Gaussian": generator.normal, "Laplace": generator.laplace}
    for name, make in (("Gaussian", discrete_gaussian), ("Laplace", discrete_laplace)):
        noise, peer = make(scale), peers[name]
        ours = [_rate(count, partial(noise.sample, count, system())) for _ in range(7)]
        theirs = [_rate(count, partial(peer, size=count)) for _ in range(7)]
        rows.append(
            Measured(
                what=f"discrete {name} noise",
                value=float(np.median(ours)),
                unit="samples/s",
                target=at_least(1e6),
                peer=Peer(f"numpy's floating-point {name} noise", float(np.median(theirs))),
                spread=(min(ours), max(ours)),
            )
        )
        progress(rows[-1].what)
    return rows


def _rate(count: int, draw: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    draw()
    return count / (time.perf_counter() - begun)


CASES = (
    Case("bench", "secure-sum", "a round of the secure sum", measure, minutes=2),
    Case("bench", "grid-noise", "noise on an integer grid", measure_noise, minutes=0.2),
)
