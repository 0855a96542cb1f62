"""What the battery crosses: engines, presets and learners. One row here buys all of its tests.

An engine's row is what begins one, as `EmbeddedEngine(folder, keys=…, genesis=…, clock=…)` does.
`python -m tests.conformance.battery docs/reference/compatibility.md` writes the page of who fits whom, as
`make docs` does.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.results import load_all
from tallystick.base.ids import digest
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.learning import models
from tallystick.learning.learner import Learner
from tallystick.learning.trees.learner import boosted_trees
from tallystick.protocols.composing import composed
from tallystick.protocols.presets import names, preset
from tallystick.protocols.request_plan import RequestPlan
from tallystick.protocols.vocabulary import Protocol, Unfit, ensure_fit
from tallystick.simulation.run import Begin, Ended, simulate
from tallystick.simulation.setting import Brought, Setting
from tallystick.simulation.study import runner_for
from tests.architecture.source import ROOT
from tests.learning.cohorts import invented_rows, invented_task

TRAINING, JUDGING = 24, 30


@dataclass(frozen=True)
class Row:
    """A learner with the rows that it takes; without labels it learns a number."""

    learner: Learner
    shape: tuple[int, ...] = (6,)
    labels: int = 3


ENGINES: dict[str, Begin] = {"embedded": EmbeddedEngine}
LEARNERS = {
    "linear (labels)": Row(models.linear()),
    "linear (numbers)": Row(models.linear(), labels=0),
    "mlp": Row(models.mlp(6)),
    "cnn": Row(models.cnn(2), (4, 4, 1)),
    "sensor": Row(models.sensor(2, hidden=4), (8, 2)),
    "boosted trees": Row(boosted_trees()),
}
# An analyst brings no data, so one more is there; its members are as many as everywhere.
SMALL: dict[str, dict[str, Any]] = {"relay": {"fewest": 10}, "mutual": {"fewest": 10}}


def protocol(name: str, **more: Any) -> Protocol:
    """A preset for five members with a few rows each."""
    settings = {"size": 5, "deposit": 100, "rounds": 1, **SMALL.get(name, {}), **more}
    made = composed(name, settings, batch=8).protocol
    elect = msgspec.structs.replace(made.elect, tolerance=2_000_000)  # rows as few as these differ
    return replace(made, elect=elect)


def why_unfit(name: str, learner: Learner) -> str:
    """Why a learner cannot serve a preset, or nothing."""
    try:
        ensure_fit(preset(name)(), learner)
    except Unfit as refusal:
        return str(refusal)
    return ""


def fitting() -> Iterator[tuple[str, str]]:
    """Every preset with every learner that can serve it."""
    for name in names():
        for learner, row in LEARNERS.items():
            if not why_unfit(name, row.learner):
                yield name, learner


def setting(name: str, learner: str = "linear (labels)", rounds: int = 1, **more: Any) -> Setting:
    """A small request under a preset, with invented rows."""
    row = LEARNERS[learner]
    task = invented_task(row.shape, row.labels)
    plan = RequestPlan(task, name, "1", row.learner.name, row.learner.version, digest(b"source"), batch=8)
    brought = {}
    for number in range(5):
        rows = [invented_rows(n, row.shape, row.labels, number) for n in (TRAINING, JUDGING)]
        roots = [digest(b"rows", learner.encode(), bytes([number, kind])) for kind in (0, 1)]
        brought[f"site-{number}"] = Brought(rows[0], rows[1], (roots[0], roots[1]))
    made = more.pop("protocol", None) or protocol(name)
    more.setdefault("test", invented_rows(JUDGING, row.shape, row.labels, 9))
    return Setting(plan, made, row.learner, runner_for(row.learner), brought, rounds, **more)


def ran(given: Setting, folder: Path, begin: Begin = EmbeddedEngine) -> Ended:
    """The request, on an engine of its own."""
    return simulate(given, folder / "ledger", begin=begin)


def events(ended: Ended) -> list[str]:
    """What the ledger said, without times; what members do side by side has no order among them."""
    said = []
    for _, notice in ended.notices:
        told = msgspec.to_builtins(notice)
        fields = told if isinstance(told, dict) else dict(enumerate(told))
        said.append({"kind": type(notice).__name__, **{k: v for k, v in fields.items() if not _is_time(v)}})
    return sorted(map(repr, said))


def _is_time(value: object) -> bool:
    return isinstance(value, int) and value > 10**12


HEAD = """# Who fits whom, and what it was run on

`make docs` writes this page out of what presets need, what learners can, what the tests run, and where
results were measured; a test says when it is stale. Where a field says *runs*, the tests run it on the
embedded engine, by one process for all members and by each member for itself, with the same events. Every
other field is a refusal that names what is lacking.

## Presets and learners
"""
ON_VALIDATORS = (
    names()
)  # the presets whose requests `tests/cometbft/bft_conformance.py` repeats on validators


def page() -> str:
    """The matrix, the engines and the machines as a page."""
    rows = [
        [f"`{name}`", *(_cell(why_unfit(name, row.learner)) for row in LEARNERS.values())] for name in names()
    ]
    served = ", ".join(f"`{name}`" for name in ON_VALIDATORS)
    engines = [
        ("embedded: one process orders", "every field that says *runs*", "`make test`"),
        (
            f"CometBFT {comet_version()}, four validators on one machine",
            f"{served}, each with the learner `mlp`; `tally demo`; the request of `examples/ledger_only.py`: "
            "the same receipts, balances and records as on the embedded engine",
            "`make bft`; the gate runs two short cases without learning (`ARGS=--smoke`)",
        ),
    ]
    sections = [
        HEAD,
        _table(["preset", *LEARNERS], rows),
        "\n## Engines\n",
        _table(["engine", "what was run on it", "by"], engines),
        "\n## Python and machines\n",
        _table(["", "run", "not run"], _machines()),
    ]
    return "\n".join(sections) + "\n"


def comet_version() -> str:
    """The version that the Makefile builds."""
    pinned = re.search(r"cometbft/cmd/cometbft@(v[0-9.]+)", (ROOT / "Makefile").read_text())
    return pinned[1] if pinned else "of no stated version"


def _machines() -> list[Sequence[str]]:
    """What every result was measured with; what is allowed beside it is not claimed to be tried."""
    results = load_all()
    pythons = sorted({".".join(result.versions["python"].split(".")[:2]) for result in results})
    machines = sorted({f"{result.cpu}, {result.cores} cores" for result in results})
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [
        ("Python", ", ".join(pythons), f"others of {project['requires-python']}, which the package allows"),
        ("processor", "; ".join(machines) + "; Linux", "other systems"),
        ("GPU", "none", "any: JAX takes one where it finds one, but no test or result here was made on one"),
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _cell(why: str) -> str:
    return "runs" if not why else "lacks " + why.split(" needs ")[1].split(", which ")[0]


def main(arguments: Sequence[str]) -> None:
    if len(arguments) != 1:
        sys.exit("usage: python -m tests.conformance.battery FILE")
    Path(arguments[0]).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
