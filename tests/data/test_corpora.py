"""Text collections become tables: the published archive of 20 Newsgroups, the files of Reuters."""

import io
import tarfile

import pytest

from tallystick.data.catalogue import File, Form
from tallystick.data.corpora import members, newsgroups_lines, reuters, text_table
from tallystick.data.datasets import READERS
from tallystick.data.refusals import Unreadable


def form(*names):
    return Form("x", tuple(File(name, 1, "") for name in names))


def archived(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return {path.name: path}


def test_the_published_archive_of_newsgroups(tmp_path):
    files = {
        "20news-bydate-train/sci.med/58001": b"From: a\n\ncaf\xe9",
        "20news-bydate-train/alt.atheism/3": b"x",
        "20news-bydate-test/sci.med/7": b"y",
    }
    parts = READERS["newsgroups_archive"](form(), archived(tmp_path / "news.tar.gz", files))
    assert parts["train"]["group"].tolist() == ["alt.atheism", "sci.med"]
    assert parts["train"]["text"][1] == "From: a\n\ncafé" and parts["test"]["id"].tolist() == ["7"]


SGML = b"""<REUTERS TOPICS="YES" LEWISSPLIT="TRAIN" OLDID="1" NEWID="1"><DATE>26-FEB</DATE>
<TOPICS><D>cocoa</D><D>tea</D></TOPICS>
<TEXT><TITLE>A &amp; B</TITLE><BODY>Rain &lt;fell>.</BODY></TEXT></REUTERS>
<REUTERS TOPICS="NO" LEWISSPLIT="TEST" NEWID="2"><TOPICS></TOPICS>
<TEXT TYPE="BRIEF"><TITLE>C</TITLE></TEXT>
</REUTERS>
"""


def test_the_published_files_of_reuters(tmp_path):
    for number in (0, 1):
        (tmp_path / f"reut2-00{number}.sgm").write_bytes(SGML)
    parts = READERS["reuters_files"](form(), {path.name: path for path in tmp_path.iterdir()})
    assert [len(parts[part]) for part in ("train", "test", "unused")] == [2, 0, 2]
    first = parts["train"].slice(0, 1)
    assert {name: first[name][0] for name in first.names} == {
        "id": "1", "topics": "cocoa tea", "date": "26-FEB", "title": "A & B", "text": "Rain <fell>.",
    }  # fmt: skip


def test_newsgroups_line_by_line(tmp_path):
    lines = [f'{{"subset": "{part}", "group": "sci.med", "id": "{number}", "text": "x"}}'
             for part, number in (("train", 1), ("test", 2), ("train", 3))]  # fmt: skip
    path = tmp_path / "news.jsonl"
    path.write_text("\n".join(lines))
    parts = newsgroups_lines(path)
    assert parts["train"]["id"].tolist() == ["1", "3"] and parts["test"]["id"].tolist() == ["2"]


def test_only_plain_files_are_read_out_of_an_archive(tmp_path):
    path = tmp_path / "some.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("folder", tarfile.DIRTYPE), ("link", tarfile.SYMTYPE), ("file", tarfile.REGTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd" if kind == tarfile.SYMTYPE else ""
            archive.addfile(info)
    assert list(members(path)) == [("file", b"")]


def test_a_broken_archive_is_named(tmp_path):
    path = tmp_path / "some.tar"
    archived(path, {"a": b"x" * 5_000})
    sound = path.read_bytes()
    for broken in (b"", b"no archive " * 100, sound[: len(sound) // 2]):
        path.write_bytes(broken)
        with pytest.raises(Unreadable, match=r"some\.tar"):
            list(members(path))


def test_a_document_of_another_split_or_without_topics_is_unused():
    document = b'<REUTERS TOPICS="%s" LEWISSPLIT="%s" NEWID="1"><TEXT>only text</TEXT></REUTERS>'
    asked = [(b"YES", b"TEST"), (b"YES", b"NOT-USED"), (b"NO", b"TEST"), (b"BYPASS", b"TRAIN")]
    parts = reuters(document % each for each in asked)
    assert [len(parts[part]) for part in ("train", "test", "unused")] == [0, 1, 3]
    assert parts["test"]["text"].tolist() == ["only text"] and parts["test"]["topics"].tolist() == [""]


def test_a_table_of_no_texts_has_its_columns():
    assert text_table([], ("a", "b")).names == ("a", "b") and len(text_table([], ("a", "b"))) == 0
