"""Three ways through the house, walked: a token sent, a member's round in a simulation, a request to its end.

`python -m tests.architecture.walks --write` writes the rooms that each passes into `docs/design.md`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import fill
from typing import Any
from unittest import mock

import numpy as np

from tests.architecture.rooms import Walk, walked
from tests.architecture.source import ROOT

PAGE = ROOT / "docs" / "design.md"
MARKED = re.compile(r"(<!-- walk:([a-z]+) -->\n)(.*?)(\n<!-- /walk -->)", re.DOTALL)
ORGANISATIONS = ("ada", "bob", "cleo")


@contextlib.contextmanager
def ledger_folder() -> Iterator[Path]:
    """A new ledger of three organisations, and this process beside it."""
    from tallystick.cli.main import run

    before = Path.cwd()
    named = [word for name in ORGANISATIONS for word in ("--organisation", name)]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        try:
            if run(["ledger", "init", "trial", *named, "--no-password"]):
                raise RuntimeError("no ledger was made")
            yield Path("trial")
        finally:
            os.chdir(before)


def sent() -> Walk:
    """`tally send`, until the block is durable."""
    from tallystick.cli.main import run

    with ledger_folder(), walked() as walk:
        if run(["send", "bob", "5", "--ledger", "trial", "--key", "trial/keys/ada.key"]):
            raise RuntimeError("nothing was sent")
    return walk


def served() -> Walk:
    """One member's round in a simulation: every turn of the loop until the round has ended."""
    from tallystick.simulation import run as simulation
    from tests.simulation.digits import setting

    walk, turn = Walk(), simulation._turn

    def walked_turn(*given: Any) -> None:
        with walked(walk):
            turn(*given)

    with mock.patch.object(simulation, "_turn", walked_turn), tempfile.TemporaryDirectory() as folder:
        simulation.simulate(setting("mutual", rounds=1), Path(folder))
    return walk


def settled() -> Walk:
    """A request from its posting to its end, as the one who asks meets it."""
    import tallystick as ts
    from tallystick.data.table import Table
    from tallystick.engines.embedded.engine import wall_clock
    from tallystick.simulation.behaviours import VirtualClock

    task, learner = ts.Task(["vib", "temp"], target="fault", labels=[0, 1]), ts.mlp(8, rate=0.2)

    def rows(seed: int) -> Table:
        chance = np.random.default_rng(seed)
        vib, temp = chance.normal(size=300), chance.normal(size=300)
        return Table({"vib": vib, "temp": temp, "fault": (vib + temp > 0.2).astype(int)})

    clock = VirtualClock(wall_clock())

    def idle(seconds: float) -> None:
        clock.now += 1_000

    with ledger_folder() as folder, ts.open(folder, clock=clock) as ledger:
        for seed, name in enumerate(ORGANISATIONS[1:]):
            node = ts.join(ledger, key=folder / "keys" / f"{name}.key")
            unit = node.register("pumps", rows(seed), task, budget=ts.Budget(epsilon=10))
            node.allow(learner)
            node.grant(unit)
        client = ts.connect(ledger, key=folder / "keys" / "ada.key")
        plan = ts.Plan(task, learner=learner, rounds=1, members=2)
        with walked() as walk:
            end = client.post(plan, reward=500, answer="30s", idle=idle).wait()
    if not isinstance(end, ts.Settled):
        raise RuntimeError(f"it ended without a model: {end}")
    return walk


WALKS: dict[str, Callable[[], Walk]] = {"send": sent, "round": served, "request": settled}


def written(rooms: Iterable[str]) -> str:
    """The rooms as the page lists them."""
    return fill(" → ".join(f"`{room}`" for room in rooms), 118, break_on_hyphens=False)


def on_the_page(page: str) -> dict[str, str]:
    """What the page says of each walk."""
    return {match[2]: match[3] for match in MARKED.finditer(page)}


if __name__ == "__main__":
    walks = {name: way() for name, way in WALKS.items()}
    if "--write" in sys.argv:
        text = PAGE.read_text()
        PAGE.write_text(MARKED.sub(lambda m: f"{m[1]}{written(walks[m[2]].rooms)}{m[4]}", text))
    print(json.dumps({name: [list(walk.rooms), list(walk.climbs)] for name, walk in walks.items()}))
