"""What a run came to: printed on one screen, as a table, a plot or a page, verified, and used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.table import Table
from ..engines.export import AuditReport, export, verify
from .finished import Finished
from .layout import EXPORT, LEDGER
from .pages import PLOTS, page_of, screen, summary


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
class Run(Finished):
    """A finished run, to be looked at, checked and used."""

    @property
    def rounds(self) -> Table:
        """One row a round: score on the comparison's rows, the team's own figure, who was absent, ε."""
        rows = self.each_round
        values = self.compared.values
        return Table(
            {
                "round": np.array([one.number for one in rows], np.int64),
                "complete": np.array([one.complete for one in rows], bool),
                "score": np.array([values.get(one.number, np.nan) for one in rows], np.float64),
                "team": np.array([np.nan if one.figure is None else one.figure for one in rows], np.float64),
                "missed": np.array([_listed(one.missed) for one in rows], dtype=object),
                "gone": np.array([_listed(one.gone) for one in rows], dtype=object),
                "epsilon": np.array([one.epsilon for one in rows], np.float64),
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


def _listed(pairs: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{member} ({reason})" for member, reason in pairs)
