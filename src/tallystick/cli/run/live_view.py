"""A run as it goes: a line for whatever happens; on a terminal, how things stand right now below them."""

import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from .. import output

if TYPE_CHECKING:
    from ...history.sentences import Moment

BAR = 14  # columns of a figure's bar
STEPS = " ▏▎▍▌▋▊▉█"
HEIGHTS = "▁▂▃▄▅▆▇█"
FEW = 9  # members whose scores fit into 80 columns
NAMED = 7  # letters of a name in the live view


class LiveView:
    """Prints a run as it goes; on a terminal the last lines are a view of now, drawn anew at each moment."""

    def __init__(
        self,
        silent: bool,
        rounds: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.silent = silent
        self.rounds = rounds
        self._stream = stream or sys.stdout
        self._live = not silent and self._stream.isatty()
        self._drawn = 0  # lines of the view on the screen
        self._clock, self._began = clock, clock()
        self._figures: list[float] = []
        self._scores: dict[str, list[float]] = {}
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
        if self.silent:
            return
        self._note(moment)
        line = told(moment, self.rounds)
        if line:
            self.say(*self._lines(moment, line))
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
                self._now = f"round {moment.round} of {self.rounds}: {moment.phase}"
            case notices.RoundEnded():
                self._figures += [] if moment.value is None else [moment.value]
                if moment.scores:
                    self._scores = by_author(moment.scores)
                    self._grid = grid(moment)
            case notices.RequestEnded():
                self._now, self._grid = "", []
            case None:
                self._now, self._grid = moment.text, []

    def _lines(self, moment: "Moment", line: str) -> list[str]:
        """A round with its figure as a bar and ε, an eviction with the scores that led to it."""
        from ...ledger import notices

        if isinstance(moment.notice, notices.RoundEnded) and moment.value is not None:
            drawn = bar(moment.value, self._top())
            spent = "" if moment.epsilon is None else f"ε {moment.epsilon:.2f}"
            room = max(1, output.WIDTH - 2 - len(line) - 2 - BAR - len(spent))
            return [f"  {line}  {drawn:<{BAR}}{'':<{room}}{spent}".rstrip()]
        lines = output.sentence(f"  {line}")
        if isinstance(moment.notice, notices.MemberLeft) and moment.notice.reason in ("evicted", "expelled"):
            lines += self._why(moment.member)
        return lines

    def _why(self, member: str) -> list[str]:
        own = self._scores.get(member)
        others = [statistics.median(said) for name, said in self._scores.items() if name not in ("", member)]
        if not own or not others:
            return []
        middle = f"in the middle they gave it {statistics.median(own):.3f}"
        return [f"    {middle}, the others {min(others):.3f} to {max(others):.3f}"]

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


def told(moment: "Moment", rounds: int) -> str:
    """A moment as a line; nothing for the phases of a round, which are many."""
    from ...ledger import notices

    if isinstance(moment.notice, notices.PhaseOpened):
        return ""
    return re.sub(r"^(round \d+)\b", rf"\1 of {rounds}", moment.text)


def bar(value: float, top: float, columns: int = BAR) -> str:
    """A bar in eighths of a column."""
    eighths = round(8 * columns * max(0.0, min(1.0, value / top if top else 0.0)))
    return "█" * (eighths // 8) + STEPS[eighths % 8].strip()


def by_author(scores: Sequence[Any]) -> dict[str, list[float]]:
    """What was measured on each member's model; the round's start has no name."""
    found: dict[str, list[float]] = {}
    for one in scores:
        if one.verdict not in ("abstain", "unavailable", "malformed"):
            found.setdefault(one.author, []).append(one.figure / 1e6)
    return found


def grid(moment: "Moment") -> list[str]:
    """Who scored whom, for a team that fits on the screen."""
    judges = sorted({one.judge for one in moment.scores})
    authors = sorted({one.author for one in moment.scores if one.author})
    if len(authors) > FEW or not authors:
        return []
    said = {(one.judge, one.author): one.figure / 1e6 for one in moment.scores if one.verdict != "abstain"}
    lines = [f"  round {moment.round}: who (down) scored whose model (across)"]
    lines.append("  " + f"{'':<{NAMED}}" + "".join(f" {name[:NAMED]:>{NAMED}}" for name in authors))
    for judge in judges:
        cells = [f"{said[judge, name]:.3f}" if (judge, name) in said else "–" for name in authors]
        lines.append(f"  {judge[:NAMED]:<{NAMED}}" + "".join(f" {cell:>{NAMED}}" for cell in cells))
    return [*lines, ""]
