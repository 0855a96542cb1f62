"""A finished run in a person's hands: printed on a screen, as a table, a plot or a page, verified, kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.table import Table
from ..engines.export import AuditReport, export, verify
from ..history.figures import course
from ..node.payloads.store import write_durably
from .layout import EXPORT, LEDGER, RESULT
from .pages import PLOTS, page_of, screen, summary
from .result import RunResult, document


@dataclass(frozen=True)
class Picture:
    """A plot as SVG."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write it to a file."""
        target = Path(path)
        target.write_text(self.svg, encoding="utf-8")
        return target


@dataclass(frozen=True, eq=False, repr=False)
class Run(RunResult):
    """A finished run, to be looked at, checked and used."""

    @property
    def rounds(self) -> Table:
        """One row a round: score on the comparison's rows, the team's own figure, who was absent, ε."""
        rows, values = self.each_round, self.compared.values
        team = [np.nan if each.figure is None else each.figure for each in rows]
        return Table(
            {
                "round": np.array([each.number for each in rows], np.int64),
                "complete": np.array([each.complete for each in rows], bool),
                "score": np.array([values.get(each.number, np.nan) for each in rows], np.float64),
                "team": np.array(team, np.float64),
                "missed": np.array([_listed(each.missed) for each in rows], dtype=object),
                "gone": np.array([_listed(each.gone) for each in rows], dtype=object),
                "epsilon": np.array([each.epsilon for each in rows], np.float64),
            }
        )

    def plot(self, what: str = "score") -> Picture:
        """A plot of `score`, `pay`, `epsilon`, or `judges`: who scored whom in the last judged round."""
        if what not in PLOTS:
            raise ValueError(f"there is no plot {what!r}; choose one of {', '.join(PLOTS)}")
        return Picture(PLOTS[what](self))

    def report(self, path: str | Path) -> Path:
        """Write one HTML page that holds everything it shows."""
        target = Path(path)
        target.write_text(page_of(self), encoding="utf-8")
        return target

    def verify(self) -> AuditReport:
        """Export the ledger, execute it again from its genesis, and compare every block."""
        target = self.folder / EXPORT
        target.unlink(missing_ok=True)
        export(self.folder / LEDGER, target)
        return verify(target)

    def __repr__(self) -> str:
        return screen(self)

    def _repr_html_(self) -> str:
        return summary(self)


def keep(run: Run) -> None:
    """Write the document, the screen and the course of a run into its folder, for whoever looks later."""
    kept = {**document(run), "screen": screen(run), "log": course(run.history)}
    data = json.dumps(kept, indent=1, ensure_ascii=False).encode()
    target = run.folder / RESULT
    if not target.exists() or target.read_bytes() != data:
        write_durably(target, data)


def _listed(pairs: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{member} ({reason})" for member, reason in pairs)
