"""The pages agree with what they speak of: the results, the Makefile, the version, one another."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from benchmarks.case import find_cases
from benchmarks.pictures import CURVES, is_current, picture_of
from benchmarks.results import RESULTS, all_met, load_all, pages, rewritten
from tallystick import __version__
from tests.architecture.source import ROOT, shown

TARGET_LINE = re.compile(r"^([a-z][a-z-]*):(.*)$", re.MULTILINE)
COMMAND = re.compile(r"(?:^|`|\$ )make ([a-z][a-z-]*)", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def targets(makefile: str) -> dict[str, str]:
    """Every target of the Makefile, with its line of help."""
    return {match[1]: match[2].partition("## ")[2] for match in TARGET_LINE.finditer(makefile)}


def unknown_commands(page: str, makefile: str) -> list[str]:
    """The `make` commands of a page that the Makefile does not have."""
    return [name for name in COMMAND.findall(page) if name not in targets(makefile)]


def dead_links(path: Path, page: str) -> list[str]:
    """The files that a page points at and that do not exist."""
    return [
        f"{shown(path)} points at {link}" for link in LINK.findall(page) if not (path.parent / link).exists()
    ]


def all_pages() -> list[Path]:
    return [*pages(), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "results" / "README.md"]


def makefile() -> str:
    return (ROOT / "Makefile").read_text()


def test_tables_show_the_results():
    results = load_all()
    stale = [shown(path) for path in pages() if rewritten(path.read_text(), results) != path.read_text()]
    assert stale == [], "`make docs` writes the tables"


def test_verdicts_follow_from_the_figures():
    assert [result.name for result in load_all() if all_met(result.measured) is not result.met] == []


def test_every_result_has_its_case():
    known = {f"{row.case.suite}/{row.case.name}" for row in find_cases() if row.case}
    assert [result.name for result in load_all() if result.name not in known] == []


def test_pictures_show_their_curves_and_are_shown_on_a_page():
    kept = sorted(RESULTS.glob(f"*/*{CURVES}"))
    text = "".join(path.read_text() for path in pages())
    assert [shown(path) for path in kept if not is_current(path)] == []
    assert [shown(path) for path in kept if f"/{shown(picture_of(path))})" not in text] == []


def test_pages_name_commands_that_exist():
    found = {shown(path): unknown_commands(path.read_text(), makefile()) for path in all_pages()}
    assert {page: names for page, names in found.items() if names} == {}


def test_every_target_says_what_it_does():
    assert [name for name, text in targets(makefile()).items() if not text] == []


def test_links_lead_somewhere():
    assert [row for path in all_pages() for row in dead_links(path, path.read_text())] == []


def test_the_newest_change_is_the_version():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == __version__


def test_the_bare_package_stays_small():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=\[ ]", line)[0] for line in project["dependencies"]}
    assert names == {"click", "msgspec", "pynacl"}


def test_everything_is_pinned_by_its_hash():
    for name in ("base", "dev"):
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        pins = [place for place, line in enumerate(lines) if re.match(r"[a-z0-9]", line)]
        assert pins
        assert [lines[place] for place in pins if "--hash=sha256:" not in lines[place + 1]] == []


def test_an_unknown_command_is_seen():
    planted = "test:  ## run\nlint:\n"
    assert unknown_commands("make test\n`make tset`\nto make sense\n", planted) == ["tset"]
    assert targets(planted) == {"test": "run", "lint": ""}


def test_a_dead_link_is_seen():
    page = "[a](tour.md) [b](nowhere.md#x) [c](https://example.org) [d](#here)"
    assert dead_links(ROOT / "docs" / "x.md", page) == ["docs/x.md points at nowhere.md"]
