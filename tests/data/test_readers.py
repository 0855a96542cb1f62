"""Tables are read from what people have; what cannot be read is refused with the reason and the remedy."""

import gzip
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tallystick.data.bounded import FileLimits
from tallystick.data.readers import read
from tallystick.data.refusals import DataError, HoldsCode, MissingData, TooLarge, Unreadable

CSV = "\ufeffid,temp,ok,word\n1,20.5,true,one\n2,,false,\n3,21.0,true,three\n"


def test_a_csv_file_with_gaps(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(CSV, encoding="utf-8")
    table = read(path)
    assert table.names == ("id", "temp", "ok", "word")
    assert table["id"].dtype == np.int64 and np.isnan(table["temp"][1])
    assert table["word"].tolist() == ["one", None, "three"] and table["ok"].tolist() == [True, False, True]
    assert read(path, ["word"]).names == ("word",)
    assert read(path, types={"id": "text"})["id"].tolist() == ["1", "2", "3"]
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert read(tmp_path / "a.csv.gz")["temp"][2] == 21


def parquet(path, **options):
    table = pa.table(
        {
            "n": pa.array([1, None, 3]),
            "f": pa.array([1.5, 2.5, None], pa.float32()),
            "word": pa.array(["x", None, "x"]).dictionary_encode(),
            "window": pa.array([[1.0, 2.0]] * 3, pa.list_(pa.float32(), 2)),
            "when": pa.array([0, 1, 2], pa.timestamp("ms")),
            "flag": pa.array([True, None, False]),
            "void": pa.nulls(3),
            "day": pa.array([0, 1, 2], pa.date32()),
            "money": pa.array([1, 2, 3]).cast(pa.decimal128(30, 2)),
        }
    )
    pq.write_table(table, path, **options)
    return path


def test_a_parquet_file_of_every_kind(tmp_path):
    table = read(parquet(tmp_path / "a.parquet"))
    kinds = {field.name: (field.kind, field.shape) for field in table.schema}
    assert (
        kinds["n"] == ("float64", ())
        and kinds["f"] == ("float32", ())
        and kinds["window"] == ("float32", (2,))
    )
    assert kinds["word"] == ("text", ()) and kinds["when"] == kinds["day"] == ("time", ())
    assert (
        table["word"].tolist() == ["x", None, "x"] and np.isnan(table["n"][1]) and np.isnan(table["flag"][1])
    )
    assert np.isnan(table["void"]).all() and table["money"].tolist() == [1, 2, 3]


def test_several_files_by_pattern(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.csv").write_text(f"word\n{name}\n")
    assert read(tmp_path / "*.csv")["word"].tolist() == ["a", "b"]
    with pytest.raises(MissingData, match="no file matches"):
        read(tmp_path / "*.parquet")


def test_arrays_become_tables(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 2)), y=np.arange(4))
    np.save(tmp_path / "b.npy", np.zeros((4, 2)))
    assert read(tmp_path / "a.npz").names == ("x", "y")
    assert read(tmp_path / "b.npy").names == ("b",)
    np.save(tmp_path / "c.npy", np.float64(3))
    with pytest.raises(DataError, match="a single value"):
        read(tmp_path / "c.npy")


class Opens:
    def __reduce__(self):
        return (print, ("code ran",))


@pytest.mark.parametrize(
    "name", ["a.pkl", "a.pt", "a.joblib", "a.csv", "a.parquet", "a.pickle.gz", "a.pth.csv"]
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_pickles_are_refused_whatever_they_are_called(tmp_path, name, protocol, capsys):
    (tmp_path / name).write_bytes(pickle.dumps(Opens(), protocol))
    refused = HoldsCode if protocol or name not in ("a.csv", "a.parquet") else (HoldsCode, Unreadable)
    if protocol or name != "a.csv":  # protocol 0 is letters: a CSV file like another, and nothing is run
        with pytest.raises(refused):
            read(tmp_path / name)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"a,b\n1\n1,2,3\n", "a.csv"),
        ("a.csv", b"a,a\n1,2\n", "two columns named 'a'"),
        ("a.csv", b"a\n\xff\xfe\n", "UTF-8"),
        ("a.csv.gz", b"a,b\n", "broken"),
        ("a.csv.gz", gzip.compress(b"a\n" * 5000, mtime=0)[:-9], "broken"),
        ("a.parquet", b"PAR1PAR1", "not a sound Parquet"),
        ("a.parquet", b"PAR1" + b"\xff" * 60 + b"\x30\0\0\0PAR1", "not a sound Parquet"),
        ("a.xls", b"x", r"no kind that is read here \(.csv"),
        ("a", b"x", "no kind"),
    ],
)
def test_broken_files_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unreadable, match=message):
        read(tmp_path / name)


def test_what_is_asked_wrongly_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(CSV)
    with pytest.raises(Unreadable, match="nothing"):
        read(path, ["nothing"])
    with pytest.raises(DataError, match="'number' is no type of a column; use text"):
        read(path, types={"id": "number"})
    with pytest.raises(Unreadable, match=r"types=\{'column': 'text'\}"):
        read(path, types={"word": "int"})
    with pytest.raises(DataError, match="has no column 'nothing'; it has n, f"):
        read(parquet(tmp_path / "a.parquet"), ["nothing"])
    with pytest.raises(MissingData, match="there is no file"):
        read(tmp_path / "none.csv")


def test_sizes_are_bounded_before_unpacking(tmp_path):
    table = pa.table({"a": np.zeros(3_000_000), "b": np.zeros(3_000_000, np.int8)})
    pq.write_table(table, tmp_path / "a.parquet", use_dictionary=False)
    assert (tmp_path / "a.parquet").stat().st_size < 2_000_000
    with pytest.raises(TooLarge, match="batches_of"):
        read(tmp_path / "a.parquet", limits=FileLimits(memory=20_000_000))
    assert len(read(tmp_path / "a.parquet", ["b"], limits=FileLimits(memory=20_000_000))) == 3_000_000
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a\n" + b"1\n" * 5_000_000))
    with pytest.raises(TooLarge, match="more than the 1,000,000 bytes"):
        read(tmp_path / "a.csv.gz", limits=FileLimits(memory=1_000_000))
    (tmp_path / "b.csv").write_text(",".join(map(str, range(300))) + "\n")
    with pytest.raises(TooLarge, match="more than 200 columns"):
        read(tmp_path / "b.csv", limits=FileLimits(columns=200))


def test_every_cut_of_a_parquet_file_is_refused(tmp_path):
    whole = parquet(tmp_path / "a.parquet").read_bytes()
    for length in range(0, len(whole), 37):
        (tmp_path / "b.parquet").write_bytes(whole[:length])
        with pytest.raises(DataError):
            read(tmp_path / "b.parquet")
