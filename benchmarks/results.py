"""What was measured, as files and as tables.

    python -m benchmarks.results            print every figure with its commit, unmet ones first
    python -m benchmarks.results --write    write the tables into README.md and docs/

A page asks for a table by a pair of marks, `<!-- results:bench -->` and `<!-- /results -->`; one case is
`<!-- results:bench/ledger-embedded -->`. The first page's few figures stand between `<!-- figures -->` and
`<!-- /figures -->`.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks.case import ROOT, Measured, Target, find_cases
from benchmarks.figures import FIGURES, Shown

RESULTS = ROOT / "results"
MARKED = re.compile(r"(<!-- results:([a-z0-9/-]+) -->\n)(.*?)(<!-- /results -->)", re.DOTALL)
FIGURES_MARKED = re.compile(r"(<!-- figures -->\n)(.*?)(<!-- /figures -->)", re.DOTALL)
HEAD = "| case | measured | target | met | beside it | how it came about |\n|---|---:|---:|---|---|---|"


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file under `results/`: what a case measured, where and with what."""

    suite: str
    case: str
    what: str
    met: bool | None  # whether every figure with a target reached it
    measured: list[Measured]
    command: str
    cores: int
    cpu: str
    versions: dict[str, str]
    commit: str  # whose files were measured; "+" after it: with changes that were not committed
    rules: int  # the version of the ledger's rules then
    behaviour: int = 1  # the case's own version then; old where the case has a higher one now
    taken: str
    core_minutes: float | None = None  # of all processes and every try; not recorded before 29 November 2026

    @property
    def name(self) -> str:
        return f"{self.suite}/{self.case}"


def all_met(measured: Iterable[Measured]) -> bool | None:
    """Whether every target is met; None where there is none."""
    judged = [row.met for row in measured if row.met is not None]
    return all(judged) if judged else None


def save(result: Result, folder: Path = RESULTS) -> Path:
    """Write a result as a whole or not at all."""
    path = folder / result.suite / f"{result.case}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".json.new")
    scratch.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    os.replace(scratch, path)
    return path


def load(path: Path) -> Result:
    """Read one file under `results/`."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path.name} is not a result: {error}; measure it again") from error


def load_all(folder: Path = RESULTS) -> list[Result]:
    """Every result, by suite and name."""
    paths = (path for path in sorted(folder.glob("*/*.json")) if not path.name.endswith(".curves.json"))
    return [load(path) for path in paths if not path.parent.name.startswith(".")]


def figure(value: float) -> str:
    """A number as a person reads it: 12,345 or 0.01234."""
    if value == int(value) and abs(value) < 10**15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def target_text(target: Target | None) -> str:
    """≥ 12,000, ≤ 0.2, = 0 or 2 – 4."""
    match target:
        case None:
            return ""
        case Target(at_least=low, at_most=None) if low is not None:
            return f"≥ {figure(low)}"
        case Target(at_least=None, at_most=high) if high is not None:
            return f"≤ {figure(high)}"
        case Target(at_least=low, at_most=high) if low is not None and high is not None:
            return f"= {figure(low)}" if low == high else f"{figure(low)} – {figure(high)}"
    return ""


def met_text(met: bool | None) -> str:
    return {True: "met", False: "missed", None: ""}[met]


def value_text(row: Measured) -> str:
    """The figure with its unit, and what it varied between."""
    seeds = f"{len(row.seeds)} seeds" if len(row.seeds) > 1 else ""
    spread = f"{figure(row.spread[0])} – {figure(row.spread[1])}" if row.spread else ""
    varied = ", ".join(part for part in (spread, seeds) if part)
    return f"{figure(row.value)} {row.unit}".strip() + (f" ({varied})" if varied else "")


def story(row: Measured) -> str:
    """The share of each stage, and the note."""
    parts = ", ".join(f"{name} {share:.0%}" for name, share in row.parts.items())
    return "; ".join(part for part in (parts, row.note) if part)


def table(results: Sequence[Result]) -> str:
    """The results as a Markdown table; a missed target stays in it as missed."""
    lines = [HEAD]
    for result in results:
        for row in result.measured:
            peer = f"{row.peer.what}: {figure(row.peer.value)}" if row.peer else ""
            name = f"`{result.name}`: {row.what or result.what}"
            cells = (name, value_text(row), target_text(row.target), met_text(row.met), peer, story(row))
            lines.append(
                "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
            )
    return "\n".join(lines) if results else "Nothing is measured yet."


def figures_table(results: Sequence[Result], figures: Sequence[Shown] = FIGURES) -> str:
    """The figures of the first page, each with what it is compared with and what was asked of it."""
    lines = ["| what | measured | beside it | asked for |", "|---|---:|---|---|"]
    for shown in figures:
        row = row_of(shown, results)
        unit = row.unit if shown.unit is None else shown.unit
        peer = f"{row.peer.what}: {figure(row.peer.value)}" if row.peer else ""
        verdict = f"{target_text(row.target)}, {met_text(row.met)}" if row.target else ""
        value = f"{figure(row.value)} {unit}".strip()
        lines.append(f"| {shown.words} | {value} | {shown.beside or peer} | {verdict} |")
    return "\n".join(lines)


def row_of(shown: Shown, results: Sequence[Result]) -> Measured:
    """The one row that is meant."""
    rows = [row for result in results if result.name == shown.result for row in result.measured]
    fitting = [row for row in rows if row.what.startswith(shown.begins)]
    if len(fitting) != 1:
        raise ValueError(f"{len(fitting)} figures of {shown.result} begin with {shown.begins!r}; one must")
    return fitting[0]


def rewritten(page: str, results: Sequence[Result]) -> str:
    """The page with every marked table made anew."""

    def filled(match: re.Match[str]) -> str:
        shown = [result for result in results if match[2] in (result.suite, result.name)]
        return f"{match[1]}{table(shown)}\n{match[4]}"

    page = FIGURES_MARKED.sub(lambda match: f"{match[1]}{figures_table(results)}\n{match[3]}", page)
    return MARKED.sub(filled, page)


def pages() -> list[Path]:
    """The pages that may hold tables."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def write_pages() -> list[Path]:
    """Make the tables of every page anew; returns the pages that changed."""
    results, changed = load_all(), []
    for path in pages():
        before = path.read_text()
        after = rewritten(before, results)
        if after != before:
            path.write_text(after)
            changed.append(path)
    return changed


def overview(results: Sequence[Result], behaviours: Mapping[str, int]) -> list[str]:
    """A line per figure: the unmet first, then the met, those without a target, and the cases that wait."""
    order = {False: 0, True: 1, None: 2}
    rows = [(result, row) for result in results for row in result.measured]
    rows.sort(key=lambda pair: (order[pair[1].met], pair[0].name))
    lines = []
    for result, row in rows:
        old = "  (old: the case measures something else now)" if is_old(result, behaviours) else ""
        figures = f"{value_text(row):<34} {target_text(row.target):<12} {result.commit:<9}"
        lines.append(
            f"{met_text(row.met) or '-':<8}{result.name:<28} {figures} {row.what or result.what}{old}"
        )
    measured = {result.name for result in results}
    return lines + [f"{'waits':<8}{name:<28} not measured yet" for name in behaviours if name not in measured]


def is_old(result: Result, behaviours: Mapping[str, int]) -> bool:
    """Whether its case measures something else by now, or is gone."""
    return result.behaviour < behaviours.get(result.name, math.inf)


def main(arguments: Sequence[str]) -> int:
    """Print the overview, or write the pages."""
    if list(arguments) == ["--write"]:
        changed = write_pages()
        print("\n".join(f"wrote {path.relative_to(ROOT)}" for path in changed) or "every table is up to date")
        return 0
    if arguments:
        print(f"results: unknown option {arguments[0]!r}; the only one is --write", file=sys.stderr)
        return 2
    cases = [listed.case for listed in find_cases() if listed.case]
    behaviours = {f"{case.suite}/{case.name}": case.behaviour for case in cases}
    print(f"{'':<8}{'case':<28} {'measured':<34} {'target':<12} {'commit':<9} what")
    print("\n".join(overview(load_all(), behaviours)) or "nothing is measured yet, and there is no case")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
