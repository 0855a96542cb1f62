"""`tally data`: the data sets known by name, where they lie, and how to bring them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import output
from ..command import FILE, argument, command, noun
from ..context import Context, stop

if TYPE_CHECKING:
    from ...data.catalogue import DataSet, Whereabouts
    from ...data.fetch import DownloadProgress

MEGA = 10**6

app = noun("data")


@command("tally data list", into=app, name="list")
def list_(at: Context) -> None:
    """List the data sets: how large, on what terms, where they lie or what brings them."""
    from ...data.catalogue import catalogue, describe

    known = [describe(name) for name in catalogue()]
    rows = [
        (entry.name, _size(entry), entry.licence, there.here or there.command)
        for entry, there in ((there.data_set, there) for there in known)
    ]
    at.show([_document(there) for there in known], _listed(rows))


@command("tally data describe ai4i2020", into=app)
@argument("name", "A data set, by its name in `tally data list`.")
def describe(at: Context, name: str) -> None:
    """Say what a data set holds, by whom, on what terms, and where it lies."""
    from ...data import catalogue

    there = catalogue.describe(name)
    entry = there.data_set
    rows = [
        ("name", entry.name),
        ("what", entry.title),
        ("holds", entry.holds),
        ("size", _size(entry)),
        ("licence", entry.licence),
        ("source", entry.source),
        ("notes", entry.notes),
        ("here", there.here or "no"),
        ("to get it", there.command),
    ]
    at.show(_document(there), output.pairs(rows))


@command("tally data fetch ai4i2020", "tally data fetch mnist --folder datasets", into=app)
@argument("name", "A data set, by its name in `tally data list`.")
@click.option(
    "--folder", type=FILE, metavar="DIR", help="Where data sets go. [default: TALLYSTICK_DATA, else your own]"
)
def fetch(at: Context, name: str, folder: Path | None) -> None:
    """Bring a data set from its publisher over https; its digests are checked.

    A download that breaks off is taken up again, now or by the same command later.
    """
    from ...data.catalogue import catalogue, command_for, describe, entry_of
    from ...data.fetch import fetch as bring

    entry = entry_of(name)
    there = describe(name)
    if folder is None and there.here:
        document = {**_document(there), "fetched": []}
        at.show(document, output.sentence(f"{name} is here already: {there.here}"))
        return
    if entry.fetchable is None:
        others = [other for other in catalogue() if catalogue()[other].fetchable]
        stop(f"{name} cannot be fetched; {command_for(entry)}. These can: {', '.join(others)}")
    paths = bring(name, folder, Meter(at.json))
    document = {"name": name, "fetched": [str(path) for path in paths]}
    lines = [f"{name}: {len(paths)} file{'' if len(paths) == 1 else 's'}, digests as the catalogue has them"]
    if paths:
        lines += output.pairs([("in", paths[0].parent)])
    at.show(document, lines)


class Meter:
    """Shows how far a download is: a line that moves on a terminal, nothing for programs and files."""

    def __init__(self, silent: bool) -> None:
        self.silent = silent or not sys.stderr.isatty()

    def __call__(self, progress: "DownloadProgress") -> None:
        if not self.silent:
            print(f"\r{meter(progress):<{output.width() - 1}}", end="", file=sys.stderr, flush=True)
            if progress.total and progress.done >= progress.total:
                print(file=sys.stderr)


def meter(progress: "DownloadProgress") -> str:
    """A download in one line: how much of what."""
    done = f"{progress.done / MEGA:,.1f}"
    of = (
        f" of {progress.total / MEGA:,.1f} MB, {100 * progress.done // progress.total} %"
        if progress.total
        else " MB"
    )
    room = output.width() - len(done) - len(of) - 3
    last = progress.url.rpartition("/")[2] or progress.url
    return f"{last[:room]}  {done}{of}"


def _listed(rows: list[tuple[str, str, str, str]]) -> list[str]:
    """Each data set's size and terms, and below it where it lies."""
    lines: list[str] = []
    wide = max(len(name) for name, *_ in rows)
    for name, size, licence, where in rows:
        lines += output.pairs([(f"{name:<{wide}}", f"{size}; {licence}")])
        lines.append(f"{'':<{wide}}  {_shortened(where, output.width() - wide - 2)}")
    return lines


def _shortened(path: str, room: int) -> str:
    """A place that is too long for its line, by its end; `describe` gives it whole."""
    return path if len(path) <= room else f"…{path[1 - room :]}"


def _size(entry: "DataSet") -> str:
    """How large the smallest form is whose size is known."""
    sizes = [
        sum(file.size for file in form.files) for form in entry.forms if all(file.size for file in form.files)
    ]
    return f"{min(sizes) / MEGA:,.1f} MB" if sizes else "size not known"


def _document(there: "Whereabouts") -> dict[str, object]:
    entry = there.data_set
    return {
        "name": entry.name, "title": entry.title, "holds": entry.holds, "size": _size(entry),
        "licence": entry.licence, "source": entry.source, "notes": entry.notes,
        "here": there.here, "command": there.command,
    }  # fmt: skip
