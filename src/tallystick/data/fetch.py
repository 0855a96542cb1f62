"""Bring a data set from its publisher: over https, resumed where it broke off, its SHA-256 checked."""

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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tallystick.data.bounded import CHUNK, file_digest
from tallystick.data.catalogue import DataSet, File, Form, command_for, entry_of, folders, is_named_one
from tallystick.data.refusals import DataError, MissingData, TooLarge, Unreadable, WrongDigest

LARGEST = 1 << 30  # of an archive whose size the catalogue does not know
SPARE = 1 << 20  # how much another packing of the same content may add
TIMEOUT = 30.0
ATTEMPTS = 4
AGENT = "tallystick (https; checks SHA-256)"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, RuntimeError)


class NotFetched(DataError):
    """A publisher that does not answer, or breaks off every time."""


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """How far one download is; `total` is 0 while unknown."""

    url: str
    done: int
    total: int


def quiet(progress: DownloadProgress) -> None:
    """Show nothing."""


def fetch(
    name: str,
    folder: str | Path | None = None,
    progress: Callable[[DownloadProgress], None] = quiet,
    pause: float = 1.0,
) -> list[Path]:
    """Bring the files of a data set into `folder`/<its name>; those already there and right are left alone.

    `pause` is the wait in seconds before a download that broke off is taken up again; it doubles each time.
    """
    return fetch_entry(entry_of(name), Path(folder) if folder else folders()[-1], progress, pause)


def fetch_entry(
    entry: DataSet, folder: Path, progress: Callable[[DownloadProgress], None] = quiet, pause: float = 1.0
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
    tried: dict[str, DataError | None] = {}
    try:
        for file in form.files:
            bring(file, form, target, tried, progress, pause)
        return [path for file in form.files if (path := here(file, target))]
    finally:
        if not there and not any(target.iterdir()):
            target.rmdir()


def here(file: File, target: Path) -> Path | None:
    """Where the right bytes of a file already are."""
    paths = [target / name for name in (file.name, file.plain_name)]
    return next((path for path in paths if path.is_file() and is_named_one(path, file)), None)


def bring(
    file: File, form: Form, target: Path, tried: dict[str, DataError | None],
    progress: Callable[[DownloadProgress], None], pause: float,
) -> None:  # fmt: skip
    """Get a file from the first of its addresses that has it; an archive serves the form's others too."""
    troubles: list[DataError] = []
    for url in file.urls:
        if here(file, target):
            return
        if url not in tried:
            files = [other for other in form.files if url in other.urls and not here(other, target)]
            try:
                part = download(url, target, largest(file, url), progress, pause)
                harvest(part, files, target, url)
                tried[url] = None
            except DataError as error:
                tried[url] = error
        other = WrongDigest(f"{url} does not give {file.name} with SHA-256 {file.plain_digest}")
        troubles.append(tried[url] or other)
    if not here(file, target):
        kind = WrongDigest if any(isinstance(error, WrongDigest) for error in troubles) else NotFetched
        reasons = "; ".join(str(error) for error in troubles)
        raise kind(f"{file.name} could not be fetched: {reasons}")


def largest(file: File, url: str) -> int:
    """How many bytes an address may give."""
    last = urllib.parse.urlsplit(url).path.rpartition("/")[2]
    if file.size and last in (file.name, file.plain_name):
        return max(file.size, file.content_size) + SPARE
    return LARGEST


class HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows no redirection away from https."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        try:
            ensure_https(newurl)
        except DataError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def ensure_https(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise DataError(f"{url} is not an https address; nothing is fetched over {parts.scheme or 'it'}")


def download(
    url: str, folder: Path, limit: int, progress: Callable[[DownloadProgress], None], pause: float
) -> Path:
    """The bytes at an address in a file `.part-...`; a later call continues where this one broke off."""
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
                raise NotFetched(f"{url} answers {error.code} {error.reason}") from None
            trouble = f"it answers {error.code} {error.reason}"
        except (OSError, http.client.HTTPException) as error:
            trouble = str(getattr(error, "reason", "") or error or type(error).__name__)
    raise NotFetched(f"{url}: {trouble} ({ATTEMPTS} attempts); what came is kept, so try again later")


def receive(url: str, part: Path, limit: int, progress: Callable[[DownloadProgress], None]) -> bool:
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
                progress(DownloadProgress(url, done, total))
    return not total or done == total


def ensure_small(url: str, part: Path, size: int, limit: int) -> None:
    if size > limit:
        part.unlink(missing_ok=True)
        raise TooLarge(f"{url} gives more than {limit:,} bytes, the most that is expected of it")


def harvest(download: Path, files: Sequence[File], target: Path, url: str) -> None:
    """Keep what was downloaded, or what an archive holds, under its own name where the digest is right."""
    try:
        digest = file_digest(download)
        for file in files:
            if digest == file.sha256 or same_content(download, file):
                download.replace(target / file.name)
                return
            if digest == file.plain_digest:
                download.replace(target / file.plain_name)
                return
        extract(download, {file.plain_name: file for file in files}, target, url)
    finally:
        download.unlink(missing_ok=True)


def extract(download: Path, files: Mapping[str, File], target: Path, url: str) -> None:
    """Keep the members of an archive whose name and digest are right."""
    extracted = target / ".new-file"
    try:
        for name, stream in members(download, files.keys(), target):
            copy(stream, extracted, files[name].content_size or files[name].size)
            if file_digest(extracted) == files[name].plain_digest:
                extracted.replace(target / name)
    except BROKEN as error:
        raise Unreadable(f"{url} gives a broken archive: {error}") from None
    finally:
        extracted.unlink(missing_ok=True)


def same_content(download: Path, file: File) -> bool:
    if not file.content or download.suffix != Path(file.name).suffix:
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


def members(
    archive: Path, names: Collection[str], folder: Path, depth: int = 1
) -> Iterator[tuple[str, IO[bytes]]]:
    """The members of an archive that have one of these names in any folder, also in archives inside it.

    Names in the archive only select: none of them is ever used as a path to write to.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                last = entry.filename.rpartition("/")[2]
                if last in names:
                    with opened.open(entry) as stream:
                        yield last, stream
                elif depth and last.endswith(".zip"):
                    with opened.open(entry) as stream, laid_out(stream, folder) as inner:
                        yield from members(inner, names, folder, depth - 1)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as opened:
            for member in opened:
                last = member.name.rpartition("/")[2]
                content = opened.extractfile(member) if member.isreg() and last in names else None
                if content is not None:
                    yield last, content


@contextmanager
def laid_out(stream: IO[bytes], folder: Path) -> Iterator[Path]:
    """An inner archive as a file for a while."""
    inner = folder / ".new-inner.zip"
    try:
        copy(stream, inner, LARGEST)
        yield inner
    finally:
        inner.unlink(missing_ok=True)
