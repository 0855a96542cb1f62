"""Bring a data set from its publisher: over https, resumed where it broke off, kept only when its SHA-256 is right."""

from __future__ import annotations

import hashlib
import http.client
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tallystick.data.bounded import CHUNK, file_digest
from tallystick.data.catalogue import DataSet, File, command_for, entry_of, folders, is_named_one
from tallystick.data.refusals import DataError, MissingData, TooLarge, Unreadable, WrongDigest

LARGEST = 1 << 30  # of an archive whose size the catalogue does not know
SPARE = 1 << 20  # how much another packing of the same content may add
TIMEOUT = 30.0
ATTEMPTS = 4
AGENT = "tallystick (https; checks SHA-256)"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, RuntimeError)


class Unreachable(DataError):
    """A publisher that does not answer, or breaks off every time."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one download is; `total` is 0 while unknown."""

    url: str
    done: int
    total: int


def quiet(progress: Progress) -> None:
    """Show nothing."""


def fetch(
    name: str,
    folder: str | Path | None = None,
    progress: Callable[[Progress], None] = quiet,
    pause: float = 1.0,
) -> list[Path]:
    """Bring the files of a data set into `folder`/<its name>; those already there and right are left alone.

    `pause` is the wait in seconds before a download that broke off is taken up again; it doubles each time.
    """
    return fetch_entry(entry_of(name), Path(folder) if folder else folders()[-1], progress, pause)


def fetch_entry(
    entry: DataSet, folder: Path, progress: Callable[[Progress], None] = quiet, pause: float = 1.0
) -> list[Path]:
    form = entry.fetchable
    if form is None:
        raise MissingData(f"{entry.title} has no address to fetch it from; {command_for(entry)}")
    target = folder / entry.folder
    there = target.is_dir()
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror}; name another folder") from None
    downloads: dict[str, Path | DataError] = {}
    try:
        return [one_file(file, target, downloads, progress, pause) for file in form.files]
    finally:
        for path in downloads.values():
            if isinstance(path, Path):
                path.unlink(missing_ok=True)
        if not there and not any(target.iterdir()):
            target.rmdir()


def one_file(
    file: File, target: Path, downloads: dict[str, Path | DataError], progress: Callable[[Progress], None],
    pause: float,
) -> Path:  # fmt: skip
    """One file of a form, from the first of its addresses that gives the right bytes."""
    for name in (file.name, file.plain_name):
        if (target / name).is_file() and is_named_one(target / name, file):
            return target / name
    troubles = []
    for url in file.urls:
        try:
            if url not in downloads:
                try:
                    downloads[url] = download(url, target, largest(file, url), progress, pause)
                except DataError as error:
                    downloads[url] = error
            found = downloads[url]
            if isinstance(found, DataError):
                raise found
            return placed(file, found, target, url)
        except DataError as error:
            troubles.append(error)
    kind = WrongDigest if any(isinstance(error, WrongDigest) for error in troubles) else Unreachable
    raise kind(f"{file.name} could not be fetched: " + "; ".join(str(error) for error in troubles))


def largest(file: File, url: str) -> int:
    """How many bytes an address may give."""
    last = urllib.parse.urlsplit(url).path.rpartition("/")[2]
    if file.size and last in (file.name, file.plain_name):
        return max(file.size, file.content_size) + SPARE
    return LARGEST


class HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows no redirection away from https."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        ensure_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def ensure_https(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise DataError(f"{url} is not an https address; nothing is fetched over {parts.scheme or 'it'}")


def download(url: str, folder: Path, limit: int, progress: Callable[[Progress], None], pause: float) -> Path:
    """The bytes at an address in a file beginning `.part`, which a later call continues where this one broke off."""
    ensure_https(url)
    ending = next((ending for ending in (".gz", ".xz") if url.endswith(ending)), "")
    part = folder / f".part-{hashlib.sha256(url.encode()).hexdigest()[:16]}{ending}"
    trouble = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            if receive(url, part, limit, progress):
                return part
            trouble = "it breaks off"
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416:  # the part is as long as the whole, or longer: begin again
                part.unlink(missing_ok=True)
            elif error.code < 500 and error.code not in (408, 429):
                raise Unreachable(f"{url} answers {error.code} {error.reason}") from None
            trouble = f"it answers {error.code} {error.reason}"
        except (OSError, http.client.HTTPException) as error:
            trouble = str(getattr(error, "reason", "") or error or type(error).__name__)
    raise Unreachable(f"{url}: {trouble} ({ATTEMPTS} attempts); what came is kept, so try again later")


def receive(url: str, part: Path, limit: int, progress: Callable[[Progress], None]) -> bool:
    """One attempt; whether the whole came."""
    done = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.build_opener(HttpsOnly).open(request, timeout=TIMEOUT) as answer:
        if done and not (answer.headers.get("Content-Range") or "").startswith(f"bytes {done}-"):
            done = 0  # the server gives everything again
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length and length.isdigit() else 0
        ensure_small(url, part, total, limit)
        with part.open("ab" if done else "wb") as file:
            while piece := answer.read1(CHUNK):
                done += len(piece)
                ensure_small(url, part, done, limit)
                file.write(piece)
                progress(Progress(url, done, total))
    return not total or done == total


def ensure_small(url: str, part: Path, size: int, limit: int) -> None:
    if size > limit:
        part.unlink(missing_ok=True)
        raise TooLarge(f"{url} gives more than {limit:,} bytes, the most that is expected of it")


def placed(file: File, download: Path, target: Path, url: str) -> Path:
    """The file out of what was downloaded, under its own name, once its digest is right."""
    digest = file_digest(download)
    if digest == file.sha256 or (file.content and same_content(download, file)):
        return download.replace(target / file.name)
    if digest == file.plain_digest:
        return download.replace(target / file.plain_name)
    extracted = target / f".new-{file.plain_name}"
    try:
        for stream in named_in(download, file.plain_name, target):
            copy(stream, extracted, file.content_size or file.size)
            if file_digest(extracted) == file.plain_digest:
                return extracted.replace(target / file.plain_name)
    except BROKEN as error:
        raise Unreadable(f"{url} gives a broken archive: {error}") from None
    finally:
        extracted.unlink(missing_ok=True)
    raise WrongDigest(
        f"{url} does not give {file.name} with SHA-256 {file.plain_digest}; nothing of it is kept"
    )


def same_content(download: Path, file: File) -> bool:
    if download.suffix != Path(file.name).suffix:
        return False
    try:
        return is_named_one(download, file)
    except Unreadable:
        return False


def copy(stream: IO[bytes], target: Path, limit: int) -> None:
    """At most one byte more than expected: a longer file has another digest anyway."""
    left = limit + 1
    with target.open("wb") as file:
        while left > 0 and (piece := stream.read(min(CHUNK, left))):
            file.write(piece)
            left -= len(piece)


def named_in(archive: Path, name: str, folder: Path, depth: int = 1) -> Iterator[IO[bytes]]:
    """The members of an archive that have this name in any folder, also in archives inside it.

    Names in the archive only select: none of them is ever used as a path to write to.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                last = entry.filename.rpartition("/")[2]
                if last == name:
                    with opened.open(entry) as stream:
                        yield stream
                elif depth and last.endswith(".zip"):
                    with opened.open(entry) as stream, laid_out(stream, folder) as inner:
                        yield from named_in(inner, name, folder, depth - 1)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as opened:
            for member in opened:
                stream = opened.extractfile(member) if member.isreg() else None
                if stream is not None and member.name.rpartition("/")[2] == name:
                    yield stream


@contextmanager
def laid_out(stream: IO[bytes], folder: Path) -> Iterator[Path]:
    """An inner archive as a file for a while."""
    inner = folder / ".new-inner.zip"
    try:
        copy(stream, inner, LARGEST)
        yield inner
    finally:
        inner.unlink(missing_ok=True)
