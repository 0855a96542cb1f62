"""Text collections as tables: 20 Newsgroups by date, Reuters-21578 in Distribution 1.0."""

from __future__ import annotations

import html
import json
import re
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tallystick.data.bounded import unpacked
from tallystick.data.refusals import Unreadable
from tallystick.data.table import Table

UNPACKED = 256 << 20
DOCUMENT = re.compile(r"<REUTERS (?P<head>[^>]*)>(?P<inner>.*?)</REUTERS>", re.DOTALL)
ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
ITEM = re.compile(r"<D>(.*?)</D>", re.DOTALL)


def text_table(rows: Sequence[tuple[str, ...]], names: Sequence[str]) -> Table:
    cells = np.empty((len(rows), len(names)), object)
    if rows:
        cells[:] = rows
    return Table({name: cells[:, index].copy() for index, name in enumerate(names)})


def newsgroups_lines(path: Path) -> dict[str, Table]:
    """One JSON object a line: subset, group, id, text."""
    parts: dict[str, list[tuple[str, ...]]] = {"train": [], "test": []}
    with unpacked(path, UNPACKED) as stream:
        for line in stream:
            post = json.loads(line)
            parts[post["subset"]].append((post["group"], post["id"], post["text"]))
    return {part: text_table(rows, ("group", "id", "text")) for part, rows in parts.items()}


def newsgroups_archive(path: Path) -> dict[str, Table]:
    """The publisher's archive: 20news-bydate-train/<group>/<id> and -test."""
    parts: dict[str, list[tuple[str, ...]]] = {"train": [], "test": []}
    for name, content in members(path):
        subset, group, number = name.split("/")[-3:]
        parts[subset.rpartition("-")[2]].append((group, number, content.decode("latin-1")))
    return {part: text_table(sorted(rows), ("group", "id", "text")) for part, rows in parts.items()}


def members(path: Path) -> Iterable[tuple[str, bytes]]:
    """The plain files of a tar archive, read in passing; nothing is written to disk."""
    try:
        with unpacked(path, UNPACKED) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None:
                    yield member.name, file.read()
    except tarfile.TarError as error:
        raise Unreadable(f"{path.name} is not a sound archive: {error}") from None


def reuters_archive(path: Path) -> dict[str, Table]:
    return reuters(content for name, content in members(path) if name.endswith(".sgm"))


def reuters_files(paths: Sequence[Path]) -> dict[str, Table]:
    return reuters(path.read_bytes() for path in sorted(paths))


def inner(text: str, tag: str) -> str:
    """What stands between a tag and its end, "" where it is missing; the SGML never nests a tag in itself."""
    start = text.find(f"<{tag}>")
    end = text.find(f"</{tag}>", start)
    return text[start + len(tag) + 2 : end] if start >= 0 and end >= 0 else ""


def reuters(contents: Iterable[bytes]) -> dict[str, Table]:
    """The ModApte parts: train and test are the documents of that split whose TOPICS is YES."""
    parts: dict[str, list[tuple[str, ...]]] = {"train": [], "test": [], "unused": []}
    for content in contents:
        for document in DOCUMENT.finditer(content.decode("latin-1")):
            head = dict(ATTRIBUTE.findall(document["head"]))
            body = document["inner"]
            topics = " ".join(ITEM.findall(inner(body, "TOPICS")))
            text = html.unescape(inner(body, "BODY") or inner(body, "TEXT"))
            split = head.get("LEWISSPLIT", "").lower()
            part = split if split in ("train", "test") and head.get("TOPICS") == "YES" else "unused"
            title = html.unescape(inner(body, "TITLE"))
            parts[part].append((head.get("NEWID", ""), topics, inner(body, "DATE").strip(), title, text))
    return {part: text_table(rows, ("id", "topics", "date", "title", "text")) for part, rows in parts.items()}
