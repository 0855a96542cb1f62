"""Text collections become tables: the published archive of 20 Newsgroups, the files of Reuters."""

import io
import tarfile

from tallystick.data.catalogue import File, Form
from tallystick.data.datasets import READERS


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
