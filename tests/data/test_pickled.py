"""A pickled recording is opened only when it is the known one, and builds dictionaries and arrays alone."""

import hashlib
import importlib
import os
import pickle
import subprocess
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from tallystick.data.pickled import read_pickled_npy, unpickled
from tallystick.data.refusals import DataError, HoldsCode, MissingData, WrongDigest

RECORDING: dict[str, Any] = {
    "X": [np.arange(6.0).reshape(3, 2)],
    "y": np.array([1]),
    "labels": ["a", "b"],
    "n": np.float64(2.5),
}


@pytest.mark.parametrize("protocol", range(5))
def test_dictionaries_and_arrays_are_built(protocol):
    found = unpickled(pickle.dumps(RECORDING, protocol))
    np.testing.assert_array_equal(found["X"][0], RECORDING["X"][0])
    assert found["labels"] == ["a", "b"] and found["n"] == 2.5


class Calls:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


inside = importlib.import_module("numpy._core.multiarray")
rebuild, number = inside._reconstruct, inside.scalar
HOSTILE = {
    "a shell": Calls(os.system, "echo ran > ran"),
    "eval": Calls(eval, "1"),
    "exec": Calls(exec, "1"),
    "a process": Calls(subprocess.Popen, "x"),
    "an import": Calls(__import__, "os"),
    "an attribute": Calls(getattr, "x", "upper"),
    "a file": Calls(open, "ran", "w"),
    "another array class": Calls(np.memmap, "ran"),
    "numpy's own loader": Calls(np.load, "ran"),
    "a codec": Calls(__import__("_codecs").encode, "x", "rot13"),
    "an object in an array": np.array([Calls(eval, "1")], object),
    "another class in the guise of an array": Calls(rebuild, dict, (0,), b"b"),
    "an array of a terabyte": Calls(rebuild, np.ndarray, (1 << 40,), b"b"),
    "an object in the guise of a number": Calls(number, np.dtype(object), b"12345678"),
    "a function": len,
    "a class": Calls,
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("protocol", [2, 4])
def test_everything_else_is_refused_before_it_runs(kind, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError):
        unpickled(pickle.dumps({"X": HOSTILE[kind]}, protocol))
    assert list(tmp_path.iterdir()) == []


RAW = [
    b"", b"nothing", b"\x80\x05", pickle.dumps(RECORDING)[:-5], b"P1\n.",
    b"cos\nsystem\n(S'echo ran'\ntR.", b"cnumpy\nndarray\n(I1\ntR.", b"cbuiltins\ndict\n(I5\ntR.",
    b"\x80\x04X\xff\xff\xff\x7fa.", b"cnumpy\ndtype\n(S'O'\ntR.", b"(lp0\n" + b"(lp1\na" * 50 + b".",
]  # fmt: skip


@pytest.mark.parametrize("raw", RAW)
def test_damaged_pickles_are_refused_or_harmless(raw, capfd):
    with suppress(DataError):
        unpickled(raw)
    assert capfd.readouterr().out == ""


def test_only_the_named_bytes_are_opened(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array(RECORDING, object), allow_pickle=True)
    content = path.read_bytes()
    known = (hashlib.sha256(content).hexdigest(), len(content))
    np.testing.assert_array_equal(read_pickled_npy(path, *known)["y"], [1])
    path.write_bytes(content[:-1] + b"x")
    with pytest.raises(WrongDigest, match="only"):
        read_pickled_npy(path, *known)
    path.write_bytes(content + b"x")
    with pytest.raises(WrongDigest, match="bytes"):
        read_pickled_npy(path, *known)
    with pytest.raises(MissingData):
        read_pickled_npy(tmp_path / "none", *known)
    assert issubclass(HoldsCode, DataError)
