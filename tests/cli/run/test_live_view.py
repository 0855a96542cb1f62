"""The view of a running simulation: lines for a file, a live view below them for a terminal, 80 columns."""

from __future__ import annotations

import io
import re

from tallystick.cli.run.live_view import LiveView
from tallystick.history.moments import Judged, Moment
from tallystick.history.statements import Evidence
from tallystick.ledger import notices

NAMES = ("ada", "bob", "carefully-named", "dee")


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def moments() -> list[Moment]:
    scores = tuple(
        Judged(1, "judge", judge, author, figure, "fine", figure / 1e6)
        for judge in NAMES
        for author in ("", *NAMES)
        if author != judge
        for figure in [200_000 if author == "bob" else 800_000]
    )
    ended = notices.RoundEnded("request-1", 1, True, 512_000)
    return [
        Moment(0, "round 1 of 4: train", 1, "train", notice=notices.PhaseOpened("request-1", 1, "train", 5)),
        Moment(1, "round 1 of 4 is done; its model has accuracy 0.512", 1, value=0.512, notice=ended,
               epsilon=1.25, scores=scores),
        Moment(2, "bob was evicted: the others scored it low", member="bob",
               notice=notices.MemberLeft("request-1", "bob", "evicted"), epsilon=1.25,
               evidence=Evidence(1, 0.2, 0.8, 0.8, 0.8)),
        Moment(3, "round 2 of 4: train", 2, "train", notice=notices.PhaseOpened("request-1", 2, "train", 9)),
    ]  # fmt: skip


def told(stream: io.StringIO) -> str:
    progress = LiveView(False, stream, clock=lambda: 0.0)
    for moment in moments():
        progress.hear(moment)
    return stream.getvalue()


def test_a_file_gets_plain_lines() -> None:
    lines = told(io.StringIO()).splitlines()
    assert "\x1b" not in "".join(lines)
    assert len(lines) == 3
    assert re.fullmatch(
        r"  round 1 of 4 is done; its model has accuracy 0\.512  █+[▏▎▍▌▋▊▉]? +ε 1\.25", lines[0]
    )
    assert lines[2] == "    in the middle they gave it 0.200, the others 0.800 to 0.800"
    assert max(map(len, lines)) <= 80


def test_a_terminal_gets_a_view_of_now_that_is_drawn_over() -> None:
    shown = told(Terminal())
    screen = screen_of(shown)
    assert screen[-1].endswith("round 2 of 4: train  ▅ 0.512  ε 1.25")
    assert sum("who (down) scored whose model" in line for line in screen) == 1
    assert any(re.match(r"  ada +– +0\.200 +0\.800 +0\.800", line) for line in screen)
    assert sum(line.startswith("  round 1 of 4 is done") for line in screen) == 1
    assert max(map(len, screen)) <= 80


def screen_of(text: str) -> list[str]:
    """What stands on a terminal in the end."""
    lines = [""]
    for part in re.split(r"(\x1b\[\d*[FJ]|\n)", text):
        if part == "\n":
            lines.append("")
        elif part.endswith("F") and part.startswith("\x1b"):
            lines = [*lines[: len(lines) - 1 - int(part[2:-1])], ""]
        elif part != "\x1b[J":
            lines[-1] += part
    return [line for line in lines if line]


def test_programs_hear_nothing() -> None:
    stream = Terminal()
    progress = LiveView(True, stream)
    for moment in moments():
        progress.hear(moment)
    progress.end()
    assert stream.getvalue() == ""


def test_what_the_program_says_is_a_line_and_a_phase_is_none() -> None:
    stream = io.StringIO()
    view = LiveView(False, stream)
    view.hear(Moment(0, "the same training once more"))
    view.hear(Moment(0, "round 1 of 2: train", 1, notice=notices.PhaseOpened("r", 1, "train", 0)))
    assert stream.getvalue() == "  the same training once more\n"
