"""The socket on which the engine finds the application: one event loop, answers in the order of requests."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from . import wire
from .application import Application
from .replica import Halt

PATIENCE: Final = 4 * 2**20  # bytes of answers that may wait for the engine before more is read


@final
class Connection(asyncio.Protocol):
    """One of the engine's four connections; which one it is shows in what it asks."""

    def __init__(self, application: Application, halt: Callable[[str], None]) -> None:
        self._application = application
        self._halt = halt
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            transport.set_write_buffer_limits(high=PATIENCE)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        out: list[bytes] = []
        try:
            for frame in wire.frames(self._buffer):
                out.append(wire.frame(*self._application.answer(frame)))
        except (Halt, wire.BrokenFrame) as reason:
            # No answer, and no other connection is served: the engine stops too.
            self._halt(str(reason))
            return
        if out and self._transport is not None:
            self._transport.write(b"".join(out))

    def pause_writing(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()


async def listen(application: Application, path: Path, halt: Callable[[str], None]) -> asyncio.Server:
    """Serve the application on a Unix socket."""
    with suppress(FileNotFoundError):
        path.unlink()
    loop = asyncio.get_running_loop()
    return await loop.create_unix_server(lambda: Connection(application, halt), path)
