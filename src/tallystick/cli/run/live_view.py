"""A run as it goes: a line for whatever happens; on a terminal, how things stand right now below them."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from ...report.tables import Bar, TextTable
from .. import output

if TYPE_CHECKING:
    from ...history.moments import Moment

BAR = 14  # columns of a figure's bar
HEIGHTS = "▁▂▃▄▅▆▇█"
FEW = 9  # members whose scores fit into 80 columns


class LiveView:
    """Prints a run as it goes; on a terminal the last lines are a view of now, drawn anew at each moment."""

    def __init__(
        self,
        silent: bool,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.silent = silent
        self._stream = stream or sys.stdout
        self._live = not silent and self._stream.isatty()
        self._drawn = 0  # lines of the view on the screen
        self._clock, self._began = clock, clock()
        self._figures: list[float] = []
        self._grid: list[str] = []
        self._now = ""
        self._epsilon: float | None = None

    def say(self, *lines: str) -> None:
        if self.silent:
            return
        self._erase()
        for line in lines:
            print(line, file=self._stream)
        self._stream.flush()

    def hear(self, moment: "Moment") -> None:
        from ...ledger import notices

        if self.silent:
            return
        self._note(moment)
        if not isinstance(moment.notice, notices.PhaseOpened):  # of which there are many: the view shows them
            self.say(*self._lines(moment))
        self._draw()

    def end(self) -> None:
        """Take the view of now away."""
        self._erase()

    def _note(self, moment: "Moment") -> None:
        """What this moment changes in the view."""
        from ...ledger import notices

        self._epsilon = moment.epsilon if moment.epsilon is not None else self._epsilon
        match moment.notice:
            case notices.PhaseOpened():
                self._now = moment.text
            case notices.RoundEnded():
                self._figures += [] if moment.value is None else [moment.value]
                if moment.scores:
                    self._grid = grid(moment)
            case notices.RequestEnded():
                self._now, self._grid = "", []
            case None:
                self._now, self._grid = moment.text, []

    def _lines(self, moment: "Moment") -> list[str]:
        """A round with its figure as a bar and ε, an eviction with the scores that led to it."""
        from ...history.sentences import evidence_sentence
        from ...ledger import notices

        line = moment.text
        if isinstance(moment.notice, notices.RoundEnded) and moment.value is not None:
            top = self._top()
            drawn = str(Bar(moment.value / top if top else 0.0, BAR))
            spent = "" if moment.epsilon is None else f"ε {moment.epsilon:.2f}"
            room = max(1, output.WIDTH - 2 - len(line) - 2 - BAR - len(spent))
            return [f"  {line}  {drawn:<{BAR}}{'':<{room}}{spent}".rstrip()]
        lines = output.sentence(f"  {line}")
        why = "" if moment.evidence is None else evidence_sentence(moment.evidence)
        return lines + (output.sentence(f"    {why}") if why else [])

    def _top(self) -> float:
        """The figure whose bar is full: 1 for shares, the largest so far for errors."""
        return 1.0 if all(0 <= value <= 1 for value in self._figures) else max(map(abs, self._figures))

    # The view of now

    def _draw(self) -> None:
        if not self._live:
            return
        self._erase()
        lines = [line[: output.width() - 1] for line in self._view()]
        print(*lines, sep="\n", file=self._stream, flush=True)
        self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0

    def _view(self) -> list[str]:
        spent = "" if self._epsilon is None else f"  ε {self._epsilon:.2f}"
        curve = (
            "".join(HEIGHTS[min(7, int(8 * value / self._top()))] for value in self._figures)
            if self._figures
            else ""
        )
        last = f"  {curve} {self._figures[-1]:.3f}" if curve else ""
        return ["", *self._grid, f"  {self._clock() - self._began:4.0f} s  {self._now}{last}{spent}"]


def grid(moment: "Moment") -> list[str]:
    """Who scored whom, for a team that fits on the screen."""
    from ...history.figures import grid_of

    scores = grid_of(moment.scores, start=False)
    if len(scores.authors) > FEW or not scores.authors:
        return []
    rows = tuple((judge, *row) for judge, row in zip(scores.judges, scores.values, strict=True))
    table = TextTable(("", *scores.authors), rows).text(output.WIDTH - 3, ruled=False)
    title = f"round {moment.round}: who (down) scored whose model (across)"
    return [*(f"  {line}" for line in (title, *table.splitlines())), ""]
