"""A second process that verifies signatures, so that blocks are made while the next one's are checked.

Threads would wait for one another: what makes a block holds the interpreter's lock nearly all the time.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from struct import Struct
from typing import IO, Final, TypeVar, final

import msgspec

from ...base import keys

Triple = tuple[bytes, bytes, bytes]  # public key, message, signature
Item = TypeVar("Item")

WORTH_IT: Final = 64  # signatures

_length: Final = Struct("<I")
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Triple]).decode


@final
class Verifier:
    """`begin` a batch, do something else, `finish` it; the process is started when it is first worth it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._batch: Sequence[Triple] = ()
        self._sent = False
        self._died = False

    def begin(self, batch: Sequence[Triple]) -> None:
        self._batch, self._sent = batch, False
        if self._died or len(batch) < WORTH_IT:
            return
        try:
            if self._process is None:
                self._process = _started()
            _send(self._process.stdin, _encode(list(batch)))
            self._sent = True
        except OSError:
            self.close()

    def finish(self) -> list[Triple]:
        """Those of the batch that are good; without the process they are verified here."""
        batch, self._batch = self._batch, ()
        if self._sent and self._process is not None:
            fits = _receive(self._process.stdout)
            if fits is not None and len(fits) == len(batch):
                return [triple for triple, good in zip(batch, fits, strict=True) if good]
            self.close()
        return [triple for triple in batch if keys.verify(*triple)]

    def ahead(
        self, items: Iterable[Item], signatures: Callable[[Item], Sequence[Triple]]
    ) -> Iterator[tuple[Item, list[Triple]]]:
        """Each item with its good signatures; the next item's are under way while one is used."""
        source = iter(items)
        waiting = list(islice(source, 1))
        for item in waiting:
            self.begin(signatures(item))
        while waiting:
            good = self.finish()
            try:
                following = list(islice(source, 1))
            except Exception:
                yield waiting[0], good
                raise
            for item in following:
                self.begin(signatures(item))
            yield waiting[0], good
            waiting = following

    def close(self) -> None:
        """End the process; nothing is lost, batches are then verified here."""
        self._died = True
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def serve(source: IO[bytes], out: IO[bytes]) -> None:
    """Answer batches until the one who asks is gone."""
    while (message := _receive(source)) is not None:
        _send(out, bytes(keys.verify(*triple) for triple in _decode(message)))


def _send(out: IO[bytes] | None, message: bytes) -> None:
    if out is not None:
        out.write(_length.pack(len(message)) + message)
        out.flush()


def _receive(source: IO[bytes] | None) -> bytes | None:
    head = source.read(_length.size) if source is not None else b""
    if source is None or len(head) < _length.size:
        return None
    (length,) = _length.unpack(head)
    message = source.read(length)
    return message if len(message) == length else None


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)
