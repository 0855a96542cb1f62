"""The catalogue's data sets as tables, part by part (train, test ...)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.data import corpora
from tallystick.data.arrays import read_idx
from tallystick.data.bounded import LIMITS, unpacked
from tallystick.data.catalogue import File, Form, located
from tallystick.data.pickled import read_pickled_npy
from tallystick.data.readers import read_csv, read_parquet
from tallystick.data.refusals import Unreadable
from tallystick.data.schema import Array
from tallystick.data.table import Table, joined

CIFAR_SIDE, CIFAR_ROWS, ATLAS_SIDE = 32, 10_000, 100
SENSORS = 21
CMAPSS_COLUMNS = (
    "unit", "cycle", *(f"setting_{i}" for i in (1, 2, 3)), *(f"sensor_{i}" for i in range(1, SENSORS + 1))
)  # fmt: skip
SUBSETS = ("FD001", "FD003")
Paths = Mapping[str, Path]


def load(name: str) -> dict[str, Table]:
    """The parts of a data set of the catalogue, after the digests of its files were checked."""
    form, paths = located(name)
    return READERS[form.reader](form, paths)


def mnist(form: Form, paths: Paths) -> dict[str, Table]:
    def part(prefix: str) -> Table:
        return Table(
            {
                "image": read_idx(paths[f"{prefix}-images-idx3-ubyte"]),
                "label": read_idx(paths[f"{prefix}-labels-idx1-ubyte"]),
            }
        )

    return {"train": part("train"), "test": part("t10k")}


def cifar_atlas(form: Form, paths: Paths) -> dict[str, Table]:
    """Images as tiles of one lossless picture, 100 × 100."""
    from PIL import Image

    labels = json.loads(paths["labels.json"].read_bytes())

    def part(batch: str) -> Table:
        with Image.open(paths[f"{batch}.webp"], formats=["WEBP"]) as picture:
            whole = np.asarray(picture.convert("RGB"))
        tiles = whole.reshape(ATLAS_SIDE, CIFAR_SIDE, ATLAS_SIDE, CIFAR_SIDE, 3).swapaxes(1, 2)
        images = tiles.reshape(CIFAR_ROWS, CIFAR_SIDE, CIFAR_SIDE, 3)
        return Table({"image": images, "label": np.array([int(digit) for digit in labels[batch]], np.uint8)})

    return {"train": part("data_batch_1"), "test": part("test_batch")}


def cifar_batches(form: Form, paths: Paths) -> dict[str, Table]:
    """The published form: a label byte, then the planes red, green, blue; mapped."""

    def part(batch: str) -> Table:
        rows = np.memmap(paths[f"{batch}.bin"], np.uint8, "r").reshape(CIFAR_ROWS, -1)
        planes = rows[:, 1:].reshape(CIFAR_ROWS, 3, CIFAR_SIDE, CIFAR_SIDE)
        return Table({"image": planes.transpose(0, 2, 3, 1), "label": rows[:, 0]})

    return {"train": part("data_batch_1"), "test": part("test_batch")}


def ai4i(form: Form, paths: Paths) -> dict[str, Table]:
    return {"all": read_csv(paths["ai4i2020.csv"], (), {}, LIMITS)}


def numbers(path: Path, columns: tuple[str, ...], **options: Any) -> Table:
    """A file of numbers without headings."""
    with unpacked(path, LIMITS.memory) as stream:
        rows = np.loadtxt(stream, ndmin=2, **options)
    if rows.shape[1] != len(columns):
        raise Unreadable(f"{path.name} has {rows.shape[1]} columns; {len(columns)} were expected")
    return Table({name: np.ascontiguousarray(rows[:, index]) for index, name in enumerate(columns)})


def cmapss(form: Form, paths: Paths) -> dict[str, Table]:
    """Each row with its remaining life in cycles, `rul`; a test engine's comes from the RUL file."""
    parts = {}
    for subset in SUBSETS:
        left = numbers(paths[f"RUL_{subset}.txt"], ("rul",))["rul"].astype(np.int64)
        for part in ("train", "test"):
            table = numbers(paths[f"{part}_{subset}.txt"], CMAPSS_COLUMNS)
            unit, cycle = (table[name].astype(np.int64) for name in ("unit", "cycle"))
            last = np.zeros(unit.max() + 1, np.int64)
            np.maximum.at(last, unit, cycle)
            after = np.concatenate([[0], left]) if part == "test" else np.zeros(len(last), np.int64)
            parts[f"{part}_{subset}"] = table.replace(
                unit=unit, cycle=cycle, rul=last[unit] - cycle + after[unit]
            )
    return parts


def wisdm_parquet(form: Form, paths: Paths) -> dict[str, Table]:
    return {"all": read_parquet(next(iter(paths.values())), (), LIMITS)}


def wisdm_text(form: Form, paths: Paths) -> dict[str, Table]:
    """The publisher's lines `1600,A,90426708196641,7.09,-0.5,8.1;`."""
    return {"all": joined([wisdm_lines(paths[file.plain_name]) for file in form.files])}


def wisdm_lines(path: Path) -> Table:
    kinds = [("subject", "i2"), ("activity", "U1"), ("t_ns", "i8"), ("x", "f4"), ("y", "f4"), ("z", "f4")]
    lines = (line.rstrip("; \r\n") for line in path.read_text("ascii").splitlines() if line.strip())
    rows = np.loadtxt(lines, dtype=kinds, delimiter=",", ndmin=1)
    columns: dict[str, Array] = {name: np.ascontiguousarray(rows[name]) for name, _ in kinds}
    return Table({**columns, "activity": columns["activity"].astype(object)})


def digits(form: Form, paths: Paths) -> dict[str, Table]:
    table = numbers(paths["digits.csv"], tuple(str(index) for index in range(65)), delimiter=",")
    rows = table.matrix(dtype=np.uint8)
    return {"all": Table({"image": rows[:, :64].reshape(-1, 8, 8), "label": rows[:, 64]})}


def seglearn_watch(form: Form, paths: Paths) -> dict[str, Table]:
    """One row a sample; `recording` counts the recordings, `seconds` the time within one (50 Hz)."""
    file: File = form.files[0]
    archive = read_pickled_npy(paths[file.plain_name], file.sha256, file.size)
    lengths = [len(samples) for samples in archive["X"]]
    owner = np.repeat(np.arange(len(lengths)), lengths)
    axes = np.concatenate(archive["X"])
    words = np.array(archive["y_labels"], object)
    columns: dict[str, Array] = {
        "recording": owner,
        "subject": archive["subject"][owner],
        "side": np.array(["left", "right"], object)[archive["side"].astype(np.int64)[owner]],
        "exercise": words[archive["y"][owner]],
        "seconds": np.concatenate([np.arange(length) / 50 for length in lengths]),
    }
    columns |= {axis: np.ascontiguousarray(axes[:, index]) for index, axis in enumerate(archive["X_labels"])}
    return {"all": Table(columns)}


READERS: dict[str, Callable[[Form, Paths], dict[str, Table]]] = {
    "mnist": mnist,
    "cifar_atlas": cifar_atlas,
    "cifar_batches": cifar_batches,
    "ai4i": ai4i,
    "cmapss": cmapss,
    "wisdm_parquet": wisdm_parquet,
    "wisdm_text": wisdm_text,
    "newsgroups_lines": lambda form, paths: corpora.newsgroups_lines(next(iter(paths.values()))),
    "newsgroups_archive": lambda form, paths: corpora.newsgroups_archive(next(iter(paths.values()))),
    "reuters_archive": lambda form, paths: corpora.reuters_archive(next(iter(paths.values()))),
    "reuters_files": lambda form, paths: corpora.reuters_files(list(paths.values())),
    "digits": digits,
    "seglearn_watch": seglearn_watch,
}
