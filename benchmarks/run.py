"""Runs the cases of a suite one by one, each in a process of its own, and writes what they measured.

    python -m benchmarks.run bench|faults|papers|all [--case NAME] [--plan] [--smoke] [--again] [--full]

A suite goes on where it was stopped: a case that has a result of what it measures now (`Case.behaviour`) is
left alone, and a case that was stopped half-way keeps what it had (`Progress.once`).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module, metadata
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks.case import ROOT, SUITES, Case, Figure, Listed, Measured, find_cases
from benchmarks.pictures import save_picture
from benchmarks.results import RESULTS, Result, all_met, load, met_text, save, target_text, value_text

# The versions of these are recorded where a case has used them.
RECORDED = (
    *("byzfl", "cryptography", "dp_accounting", "flwr", "jax", "lightgbm", "msgspec"),
    *("nacl", "numpy", "opacus", "optax", "sklearn", "torch"),
)

T = TypeVar("T")


class Console:
    """Shows progress on standard error, and keeps partial results for a later run."""

    def __init__(self, name: str, kept: Path | None) -> None:
        self.name = name
        self.kept = kept
        self.begun = time.monotonic()
        self.earlier = float(self._spent.read_text()) if kept is not None and self._spent.exists() else 0.0
        # What goes on from an older commit's parts is no newer than those.
        self.commit = self._begun_at.read_text() if kept is not None and self._begun_at.exists() else commit()

    @property
    def _spent(self) -> Path:
        return (self.kept or RESULTS) / "core-seconds"

    @property
    def _begun_at(self) -> Path:
        return (self.kept or RESULTS) / "commit"

    def spent(self) -> float:
        """Core-seconds of this process and of those it waited for, with what stopped runs left behind."""
        taken = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return self.earlier + sum(usage.ru_utime + usage.ru_stime for usage in taken)

    def __call__(self, text: str) -> None:
        print(f"  {self.name} {time.monotonic() - self.begun:6.0f} s  {text}", file=sys.stderr, flush=True)

    def once(self, key: str, measure: Callable[[], T]) -> T:
        if self.kept is None:
            return measure()
        path = self.kept / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
        if path.exists():
            self(f"{key}: kept from the run before")
            known: T = msgspec.json.decode(path.read_bytes())
            return known
        value = measure()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._begun_at.write_text(self.commit)
        scratch = path.with_suffix(".new")
        scratch.write_bytes(msgspec.json.encode(value))
        os.replace(scratch, path)
        self._spent.write_text(f"{self.spent():.1f}")
        self(key)
        return value


def commit() -> str:
    """The commit whose files are run, with "+" where some were changed since; pages do not count."""

    def git(*words: str) -> str | None:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    try:
        head = git("rev-parse", "--short=7", "HEAD")
        changes = git("status", "--porcelain", "--", "src", "benchmarks", "experiments", "tests")
    except OSError:
        return "unknown"
    return "unknown" if head is None else head + ("+" if changes else "")


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu() -> str:
    """The processor's own name for itself, as far as it is known."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Python and every recorded package that the case has used."""
    owners = metadata.packages_distributions()
    used = [owners[name][0] for name in RECORDED if name in sys.modules and name in owners]
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in used}}


def measure(module: str, suite: str, name: str, smoke: bool) -> bool:
    """Run one case here and save what it measured; whether it did what a case of its suite must do."""
    from tallystick.ledger.transition import RULES_VERSION

    case = next(case for case in import_module(module).CASES if (case.suite, case.name) == (suite, name))
    kept = RESULTS / ".partial" / suite / name / f"behaviour-{case.behaviour}"
    console = Console(f"{suite}/{name}", None if smoke else kept)
    measured = case.run(smoke, console)
    panels = measured.panels if isinstance(measured, Figure) else []
    rows = measured.measured if isinstance(measured, Figure) else measured
    rows = [rows] if isinstance(rows, Measured) else rows
    for row in rows:
        verdict = (
            "" if smoke and suite != "faults" else f"  {target_text(row.target)} {met_text(row.met)}".rstrip()
        )
        console(f"{row.what or case.what}: {value_text(row)}{verdict}")
    met = all_met(rows)
    if not smoke:
        if panels:  # before the result, which says that the case is done
            save_picture(f"{suite}/{name}", panels)
        save(
            Result(
                suite=suite,
                case=name,
                what=case.what,
                met=met,
                measured=rows,
                command=f"make {suite} CASE={name}",
                cores=cores(),
                cpu=cpu(),
                versions=versions(),
                commit=console.commit,
                rules=RULES_VERSION,
                behaviour=case.behaviour,
                taken=datetime.now(UTC).date().isoformat(),
                core_minutes=round(console.spent() / 60, 3),
            )
        )
        shutil.rmtree(kept.parent, ignore_errors=True)
    return suite != "faults" or met is not False


def measure_or_tell(module: str, suite: str, name: str, smoke: bool) -> None:
    """The body of a case's own process: exit code 1 where it failed."""
    try:
        fine = measure(module, suite, name, smoke)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:  # noqa: BLE001 - whatever a case raises is shown, and the next case runs
        traceback.print_exc()
        sys.exit(1)
    sys.exit(0 if fine else 1)


def measured_at(case: Case) -> str | None:
    """The commit at which the case was measured; None where it never was, or measured something else."""
    path = RESULTS / case.suite / f"{case.name}.json"
    result = load(path) if path.exists() else None
    return result.commit if result is not None and result.behaviour >= case.behaviour else None


def chosen(listed: Sequence[Listed], suite: str, name: str | None, full: bool) -> list[tuple[str, Case]]:
    """The cases that were asked for; a long one only where it is named or `full` is."""
    cases = [(row.module, row.case) for row in listed if row.case and suite in (row.case.suite, "all")]
    if name is None:
        return [(module, case) for module, case in cases if full or not case.full]
    bare = name.removeprefix(f"{suite}/")
    return [(module, case) for module, case in cases if bare in (case.name, f"{case.suite}/{case.name}")]


def run_all(cases: Sequence[tuple[str, Case]], smoke: bool, again: bool) -> list[str]:
    """Run the cases one by one; returns the names of those that failed."""
    failed = []
    for place, (module, case) in enumerate(cases, 1):
        name = f"{case.suite}/{case.name}"
        known = None if smoke or again else measured_at(case)
        if known is not None:
            print(
                f"[{place}/{len(cases)}] {name}: measured at {known} (ARGS=--again measures it anew)",
                flush=True,
            )
            continue
        print(f"[{place}/{len(cases)}] {name}: {case.what}", flush=True)
        process = get_context("spawn").Process(
            target=measure_or_tell, args=(module, case.suite, case.name, smoke)
        )
        process.start()
        process.join()
        if process.exitcode == 130:
            raise KeyboardInterrupt
        if process.exitcode != 0:
            failed.append(name)
    return failed


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("suite", choices=[*SUITES, "all"])
    parser.add_argument("--case", metavar="NAME", help="run this case alone")
    parser.add_argument("--plan", action="store_true", help="only say what would run, and for how long")
    parser.add_argument("--smoke", action="store_true", help="run at the smallest size and write nothing")
    parser.add_argument("--again", action="store_true", help="measure even what has a result")
    parser.add_argument("--full", action="store_true", help="run the long cases too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; 0 where every case ran and no fault was found."""
    asked = parse(arguments)
    listed = list(find_cases())
    troubles = [row for row in listed if row.trouble]
    for row in troubles:
        print(f"{row.module} cannot be read: {row.trouble}", file=sys.stderr)
    cases = chosen(listed, asked.suite, asked.case, asked.full)
    if asked.case and not cases:
        names = ", ".join(case.name for _, case in chosen(listed, asked.suite, None, True)) or "none yet"
        print(f"there is no case {asked.case!r} in {asked.suite}; there are: {names}", file=sys.stderr)
        return 2
    if asked.plan:
        print("\n".join(planned([case for _, case in cases])))
        return 0
    try:
        failed = run_all(cases, asked.smoke, asked.again)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    print(f"{len(cases)} cases, {len(failed)} failed" + (": " + ", ".join(failed) if failed else ""))
    return 1 if failed or troubles else 0


def planned(cases: Sequence[Case]) -> list[str]:
    """A line for each case, with the commit it was measured at or the time that it takes; then the sum."""
    known = {case: measured_at(case) for case in cases}
    lines = []
    for case, at in known.items():
        state = f"about {case.minutes:g} min" if at is None else f"at {at}"
        lines.append(f"{case.suite}/{case.name:<24} {state:<14} {case.what}")
    waiting = sum(case.minutes for case, at in known.items() if at is None)
    return [*lines, f"{len(cases)} cases, about {waiting:g} min"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
