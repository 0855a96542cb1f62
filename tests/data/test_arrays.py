"""IDX, NPY and NPZ: mapped where they can be, bounded before unpacking, never unpickled."""

import gzip
import io
import lzma
import pickle
import struct
import zipfile
from typing import Any

import numpy as np
import pytest

from tallystick.data.arrays import IDX_TYPES, read_idx, read_npy, read_npz
from tallystick.data.bounded import FileLimits
from tallystick.data.refusals import HoldsCode, MissingData, TooLarge, Unreadable

GRID = np.arange(24).reshape(2, 3, 4)


def idx(array: np.ndarray, code: int) -> bytes:
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(IDX_TYPES[code]).tobytes()


@pytest.mark.parametrize("code", IDX_TYPES)
@pytest.mark.parametrize("ending, pack", [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_idx_files_of_every_type_and_packing(tmp_path, code, ending, pack):
    path = tmp_path / f"grid-ubyte{ending}"
    path.write_bytes(pack(idx(GRID, code)))
    found = read_idx(path)
    np.testing.assert_array_equal(found, GRID)
    assert isinstance(found, np.memmap) == (ending == "")


def npz(path, compress, **arrays):
    (np.savez_compressed if compress else np.savez)(path, **arrays)
    return path


@pytest.mark.parametrize("compress", [True, False])
def test_npz_arrays_are_mapped_where_they_lie_plain(tmp_path, compress):
    arrays = {
        "grid": GRID,
        "turned": np.asfortranarray(GRID),
        "words": np.array(["a", "bcd"]),
        "none": GRID[:0],
    }
    found = read_npz(npz(tmp_path / "a.npz", compress, **arrays))
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    assert isinstance(found["turned"], np.memmap) == (not compress)


def test_npy_files_are_mapped(tmp_path):
    np.save(tmp_path / "a.npy", GRID)
    found = read_npy(tmp_path / "a.npy")
    np.testing.assert_array_equal(found, GRID)
    assert isinstance(found, np.memmap)


class Opens:
    def __reduce__(self):
        return (print, ("code ran",))


def test_arrays_of_objects_are_refused_unopened(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.array([Opens()], object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", x=np.array([Opens()], object))
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("x.npy", pickle.dumps(Opens()))
    for read, name in ((read_npy, "a.npy"), (read_npz, "a.npz"), (read_npz, "b.npz")):
        with pytest.raises(HoldsCode):
            read(tmp_path / name)
    assert capsys.readouterr().out == ""


BAD_IDX = {
    "empty": b"",
    "short": b"\0\0\x08",
    "not IDX": b"PK\x03\x04aaaaaaaa",
    "unknown type": b"\0\0\x0a\x01" + struct.pack(">I", 1) + b"x",
    "no dimensions": b"\0\0\x08\0",
    "200 dimensions": b"\0\0\x08\xc8" + b"\0\0\0\1" * 200 + b"x",
    "cut in the header": b"\0\0\x08\x03\0\0\0\1",
    "fewer values": idx(GRID, 8)[:-1],
    "more values": idx(GRID, 8) + b"x",
    "a terabyte said": b"\0\0\x08\x02" + struct.pack(">2I", 2**20, 2**20) + b"x",
    "an overflow said": b"\0\0\x0e\x04" + b"\xff" * 16,
}


@pytest.mark.parametrize("kind", BAD_IDX)
@pytest.mark.parametrize("ending, pack", [("", bytes), (".gz", gzip.compress)])
def test_broken_idx_files_are_refused(tmp_path, kind, ending, pack):
    path = tmp_path / f"x-ubyte{ending}"
    path.write_bytes(pack(BAD_IDX[kind]))
    with pytest.raises(Unreadable, match="x-ubyte"):
        read_idx(path)


@pytest.mark.parametrize("ending, pack", [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_bomb_stops_at_the_limit(tmp_path, ending, pack):
    path = tmp_path / f"x-ubyte{ending}"
    path.write_bytes(pack(b"\0\0\x08\x01" + struct.pack(">I", 8) + bytes(10_000_000)))
    assert path.stat().st_size < 100_000
    with pytest.raises(Unreadable, match="more"):
        read_idx(path)
    path.write_bytes(pack(b"\0\0\x08\x01" + struct.pack(">I", 10_000_000) + bytes(10_000_000)))
    with pytest.raises(TooLarge, match="10,000,000"):
        read_idx(path, FileLimits(memory=1_000_000))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(Unreadable, match="broken"):
        read_idx(path)


def stated(path, **changes):
    """An NPZ whose central directory lies about one entry."""
    raw = bytearray(npz(path, True, x=np.zeros(1000)).read_bytes())
    at = raw.index(b"PK\x01\x02")
    for offset, value in changes.values():
        raw[at + offset : at + offset + 4] = struct.pack("<I", value)
    path.write_bytes(bytes(raw))
    return path


def headed(shape: str, kind: str = "<f8") -> bytes:
    """An NPY file of any header with eight bytes of values."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(8)


@pytest.mark.parametrize(
    "shape", ["(1000000, 1000000)", "(-1,)", "(2,)", "(1.5,)", "(2**70,)", "[1]", "(1, 1"]
)
def test_npy_headers_that_lie_are_refused(tmp_path, shape):
    (tmp_path / "x.npy").write_bytes(headed(shape))
    with pytest.raises(Unreadable):
        read_npy(tmp_path / "x.npy")
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", headed(shape))
    with pytest.raises(Unreadable):
        read_npz(tmp_path / "x.npz")


def test_npz_archives_that_lie_or_are_broken_are_refused(tmp_path):
    path = tmp_path / "x.npz"
    for changes in ({"size": (24, 10)}, {"size": (24, 2**31)}, {"packed": (20, 5)}, {"checksum": (16, 1)}):
        with pytest.raises(Unreadable):
            read_npz(stated(path, **changes))
    np.savez_compressed(path, x=np.zeros(10_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(TooLarge):
        read_npz(path, FileLimits(memory=1_000_000))
    many: dict[str, Any] = {f"x{i}": np.zeros(1) for i in range(20)}
    np.savez(path, **many)
    with pytest.raises(TooLarge, match="20 arrays"):
        read_npz(path, FileLimits(members=10))
    for raw in (b"", b"nothing", path.read_bytes()[:-30]):
        path.write_bytes(raw)
        with pytest.raises(Unreadable):
            read_npz(path)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.npy", headed("(1,)"))
        archive.writestr("y.npy", headed("(1,)"))
    path.write_bytes(out.getvalue().replace(b"y.npy", b"x.npy"))
    with pytest.raises(Unreadable, match="two arrays"):
        read_npz(path)
    with pytest.raises(MissingData):
        read_npz(tmp_path / "none.npz")
