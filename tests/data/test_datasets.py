"""The data sets that are here read as their sources describe them; the other forms from samples."""

import numpy as np
import pytest

from tallystick.data import datasets
from tallystick.data.catalogue import File, Form, catalogue, describe
from tallystick.data.datasets import READERS, load

PRESENT = [name for name in catalogue() if describe(name).here]


def check_mnist(parts):
    counts = [np.bincount(parts[part]["label"]).tolist() for part in ("train", "test")]
    assert counts[0] == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert counts[1] == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert parts["train"]["image"].shape == (60_000, 28, 28) and parts["test"]["image"].dtype == np.uint8


def check_cifar10(parts):
    assert parts["train"]["image"].shape == parts["test"]["image"].shape == (10_000, 32, 32, 3)
    assert np.bincount(parts["test"]["label"]).tolist() == [1000] * 10


def check_ai4i2020(parts):
    table = parts["all"]
    assert len(table) == 10_000 and len(table.names) == 14
    failures = {"Machine failure": 339, "TWF": 46, "HDF": 115, "PWF": 95, "OSF": 98, "RNF": 19}
    assert {name: int(table[name].sum()) for name in failures} == failures


def check_cmapss(parts):
    rows = {"train_FD001": 20_631, "test_FD001": 13_096, "train_FD003": 24_720, "test_FD003": 16_596}
    assert {part: len(table) for part, table in parts.items()} == rows
    first = parts["train_FD001"]
    assert first["rul"][0] == 191 and first["rul"][191] == 0 and first["unit"].max() == 100
    test = parts["test_FD001"]
    assert test["rul"][test["unit"] == 1].min() == 112 and test["rul"].min() > 0


def check_wisdm(parts):
    table = parts["all"]
    assert len(np.unique(table["subject"])) in (46, 51)
    assert sorted(set(table["activity"].tolist())) == list("ABCDEFGHIJKLMOPQRS")
    assert np.isfinite(table.matrix(["x", "y", "z"])).all()


def check_20newsgroups(parts):
    assert {part: len(table) for part, table in parts.items()} == {"train": 11_314, "test": 7_532}
    assert len(set(parts["train"]["group"].tolist())) == 20


def check_reuters21578(parts):
    assert {part: len(table) for part, table in parts.items()} == {
        "train": 9603,
        "test": 3299,
        "unused": 8676,
    }
    topics = [set(topics.split()) for topics in parts["train"]["topics"].tolist()]
    assert sum("earn" in one for one in topics) == 2877 and sum("acq" in one for one in topics) == 1650


def check_digits(parts):
    assert parts["all"]["image"].shape == (1797, 8, 8) and parts["all"]["image"].max() == 16
    assert len(np.unique(parts["all"]["label"])) == 10


def check_seglearn_watch(parts):
    table = parts["all"]
    assert len(table) == 244_102 and len(np.unique(table["recording"])) == 140
    assert sorted(set(table["exercise"].tolist())) == ["ABD", "ER", "FEL", "IR", "PEN", "ROW", "TRAP"]
    assert np.unique(table["subject"]).tolist() == list(range(1, 11))
    assert set(table["side"].tolist()) == {"left", "right"} and table["seconds"][1] == 0.02


@pytest.mark.parametrize("name", PRESENT)
def test_a_data_set_reads_as_its_source_describes_it(name):
    globals()["check_" + name.replace("-", "_")](load(name))


def test_there_is_a_check_for_every_data_set():
    assert all("check_" + name.replace("-", "_") in globals() for name in catalogue())
    assert "digits" in PRESENT


def form(*names):
    return Form("x", tuple(File(name, 1, "") for name in names))


def test_cifars_published_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "CIFAR_ROWS", 3)
    rows = np.random.default_rng(0).integers(0, 256, (3, 3073)).astype(np.uint8)
    for batch in ("data_batch_1", "test_batch"):
        rows.tofile(tmp_path / f"{batch}.bin")
    paths = {f"{batch}.bin": tmp_path / f"{batch}.bin" for batch in ("data_batch_1", "test_batch")}
    parts = READERS["cifar_batches"](form(), paths)
    assert parts["train"]["label"].tolist() == rows[:, 0].tolist()
    assert parts["test"]["image"][2, 1, 5].tolist() == [rows[2, 1 + plane * 1024 + 37] for plane in range(3)]


def test_wisdms_published_lines(tmp_path):
    (tmp_path / "a.txt").write_text("1600,A,90426708196641,7.091625,-0.5916671,8.195502;\n1600,A,2,1,2,3;\n")
    (tmp_path / "b.txt").write_text("1601,S,3,-1,-2,-3;\n")
    parts = READERS["wisdm_text"](
        form("a.txt", "b.txt"), {name: tmp_path / name for name in ("a.txt", "b.txt")}
    )
    table = parts["all"]
    assert table["subject"].tolist() == [1600, 1600, 1601] and table["activity"].tolist() == ["A", "A", "S"]
    assert table["t_ns"][0] == 90426708196641 and table["z"].tolist() == [np.float32(8.195502), 3, -3]
    assert table["x"].dtype == np.float32
