"""A case: one thing that is measured, how it is measured, and what it should reach.

A module under `benchmarks/` or `experiments/` that holds a table of cases is found by itself:

    def measure(smoke: bool, progress: Progress) -> Measured:
        from tallystick.ledger import transition   # imported here, so that listing the cases stays quick
        ...
        return Measured(value=rate, unit="tx/s", target=at_least(12_000), parts={"verify": 0.41, "disk": 0.2})

    CASES = (Case("bench", "ledger-embedded", "signed transfers, durable, 10,000 accounts", measure),)
"""

from __future__ import annotations

import math
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from tallystick.report.plots import Panel

SUITES = ("bench", "faults", "papers")
FOLDERS = ("benchmarks", "experiments")
ROOT = Path(__file__).resolve().parents[1]

T = TypeVar("T")


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a value should reach."""

    at_least: float | None = None
    at_most: float | None = None

    def met_by(self, value: float) -> bool:
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)


def at_least(value: float) -> Target:
    return Target(at_least=value)


def at_most(value: float) -> Target:
    return Target(at_most=value)


def exactly(value: float) -> Target:
    return Target(at_least=value, at_most=value)


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a value is compared with: another library, or the paper's own figure; in the same unit."""

    what: str
    value: float


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One figure. Whether it meets its target is computed, never claimed."""

    value: float
    unit: str
    what: str = ""  # which of a case's several figures this is
    target: Target | None = None
    peer: Peer | None = None
    seeds: list[int] = []
    spread: tuple[float, float] | None = None  # the lowest and the highest over the seeds
    parts: dict[str, float] = {}  # the share of each stage, of 1
    note: str = ""  # what a reader must know to judge the figure: the data, what was left out

    def __post_init__(self) -> None:
        for number in (self.value, *(self.spread or ()), *self.parts.values()):
            if not math.isfinite(number):
                raise ValueError(f"{self.what or 'a case'} measured {number}, which is no figure")

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.target.met_by(self.value)


@dataclass(frozen=True)
class Figure:
    """What a case measured and the curves behind it, which are kept and drawn beside the result."""

    measured: list[Measured]
    panels: list[Panel]


class Progress(Protocol):
    """What a case is given to report to, and to go on where it was stopped."""

    def __call__(self, text: str) -> None:
        """Show how far the case is."""

    def once(self, key: str, measure: Callable[[], T]) -> T:
        """The result of `measure`, as JSON holds it; the last run's own where that was stopped after it."""


@dataclass(frozen=True)
class Case:
    """One thing that is measured; a smoke run only shows that it runs, at its smallest size."""

    suite: str
    name: str
    what: str
    run: Callable[[bool, Progress], Measured | list[Measured] | Figure]
    _: KW_ONLY
    behaviour: int = 1  # raise it when what is measured changes: results at a lower one are old
    minutes: float = 1.0  # about how long it takes on two cores
    full: bool = False  # a long case, run only when asked for

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]+", self.name):
            raise ValueError(f"case {self.name!r} needs a name of small letters, digits and hyphens")
        if self.suite not in SUITES:
            raise ValueError(
                f"case {self.name!r} names the suite {self.suite!r}; there are {', '.join(SUITES)}"
            )


@dataclass(frozen=True)
class Listed:
    """A case and the module that holds it, or the reason why that module could not be read."""

    module: str
    case: Case | None
    trouble: str = ""


def find_cases(folders: tuple[str, ...] = FOLDERS) -> Iterator[Listed]:
    """Every case of every module that has a table `CASES`, by suite and name."""
    listed: list[Listed] = []
    for folder in folders:
        for module in pkgutil.walk_packages([str(ROOT / folder)], f"{folder}."):
            try:
                cases = getattr(import_module(module.name), "CASES", ())
            except Exception as error:  # noqa: BLE001 - one broken module must not hide the others
                listed.append(Listed(module.name, None, f"{type(error).__name__}: {error}"))
                continue
            listed.extend(Listed(module.name, case) for case in cases)
    order = {suite: place for place, suite in enumerate(SUITES)}
    yield from sorted(
        listed, key=lambda row: (order[row.case.suite], row.case.name) if row.case else (-1, row.module)
    )
