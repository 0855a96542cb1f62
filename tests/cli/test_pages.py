"""What the pages tell people to type is typed; what they show as the demo's output is its output."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.cli.desk import Desk

PAGES = ("README.md", "docs/tour.md", "docs/how-to/own-data.md", "docs/how-to/ask-and-serve.md")
TOLD = ("README.md", "docs/tour.md")
OWN = "docs/how-to/own-data.md"
SIMULATED = re.compile(r"<!-- simulate -->\n```\n(.*?)\n```\n<!-- /simulate -->", re.DOTALL)
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"<!-- demo -->\n```\n(.*?)\n```\n<!-- /demo -->", re.DOTALL)
LEDGERS = re.compile(r"<!-- demo --ledger-only -->\n```\n(.*?)\n```\n<!-- /demo -->", re.DOTALL)
HERE = re.compile(r"^cat > (\S+) <<END\n(.*?)^END\n", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    """The blocks of a page that can be run, with their languages."""
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def commands(script: str) -> Iterator[str]:
    """The lines of a shell script, once the files that it writes are written."""
    for name, content in HERE.findall(script):
        Path(name).write_text(content)
    yield from (line for line in HERE.sub("", script).splitlines() if line.strip())


def masked(text: str) -> str:
    """A text whose figures, which chance decides, are alike, and all that follows from them."""
    bars = re.sub(r"\w+ is elected", "# is elected", re.sub(r"█*[█▏▎▍▌▋▊▉]", "█", text))
    return " ".join(re.sub(r"\d+", "#", re.sub(r"─+", "─", bars)).split())


@pytest.mark.parametrize("page", PAGES)
def test_what_is_to_be_typed_runs(page: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    typed, known = {}, dict[str, object]()
    for language, script in blocks(page):
        if language == "python":
            exec(compile(script, page, "exec"), known)
            continue
        for line in commands(script):
            words = shlex.split(line)
            if words[0] == "export":
                for setting in words[1:]:
                    monkeypatch.setenv(*setting.split("=", 1))
                continue
            assert os.path.basename(words[0]) == "tally", line
            typed[line] = desk.does("", *words[1:])
    assert typed
    for shown in SIMULATED.findall((ROOT / page).read_text(encoding="utf-8")):
        assert masked(shown) == masked(typed["tally simulate mine/run.toml"])
        assert max(map(len, shown.splitlines())) <= 80


def test_the_simulation_that_is_shown_is_on_the_page() -> None:
    assert len(SIMULATED.findall((ROOT / OWN).read_text(encoding="utf-8"))) == 1


def test_the_demo_that_is_shown_is_the_demo(clinics: Desk) -> None:
    told = masked(clinics.does("demo"))
    for page in TOLD:
        (shown,) = SHOWN.findall((ROOT / page).read_text(encoding="utf-8"))
        assert masked(shown) in told, page
        assert len(masked(shown)) > len(told) / 2


def test_the_ledgers_demo_that_is_shown_is_that_demo(desk: Desk) -> None:
    (shown,) = LEDGERS.findall((ROOT / "docs/tour.md").read_text(encoding="utf-8"))
    assert masked(shown) in masked(desk.does("demo --ledger-only"))


def test_a_changed_figure_does_not_matter_and_a_changed_word_does() -> None:
    assert masked("cleo 1.25  of 10") == masked("cleo 9.99 of 10")
    assert masked("1 0.709 ██████ 0.7") == masked("1 0.75 ███████ 0.81")
    assert masked("caught: block 1") != masked("missed: block 1")
