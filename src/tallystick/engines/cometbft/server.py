"""The socket on which the engine finds the application: read at once, answered in turn.

CometBFT's client spins whenever a write of its own must wait: it would flush every 20 ms and says 20 ns
(`flushThrottleMS` in abci/client/socket_client.go). On a busy machine four engines then take the cores that
their applications need to answer them. So a thread of its own takes what an engine sends off the socket, even
while a block is executed.
"""

import asyncio
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from itertools import islice
from pathlib import Path
from typing import Final, final
from weakref import WeakSet

from ...base.wire import BrokenBytes
from . import abci
from .application import AbciApplication
from .replica import Halt

PATIENCE: Final = 4 * 2**20  # bytes of answers that may wait for the engine before more is answered
AHEAD: Final = 16 * 2**20  # bytes that are taken off a socket before they are answered
AT_ONCE: Final = 2**18  # bytes of one read
TURN: Final = 64  # requests that a connection has answered before the others have their turn
SWITCH: Final = 0.0005  # seconds a thread waits for another: a socket is full after some 300 requests
PAUSE: Final = 0.002  # seconds between two reads


@final
class Connection(asyncio.Protocol):
    """One of the engine's four connections; which one it is shows in what it asks."""

    def __init__(self, application: AbciApplication, halt: Callable[[str], None]) -> None:
        self._application = application
        self._halt = halt
        self._loop = asyncio.get_running_loop()
        self._came: deque[bytes] = deque()  # the thread's side appends, the loop's side takes
        self._read = self._taken = 0  # bytes, each counted by one side alone
        self._buffer = bytearray()
        self._waits = self._full = self._halted = self._ended = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            return
        self._transport = transport
        transport.set_write_buffer_limits(high=PATIENCE)
        transport.pause_reading()
        own = os.dup(transport.get_extra_info("socket").fileno())
        threading.Thread(target=self._take, args=(own,), name="engine's requests", daemon=True).start()

    def connection_lost(self, _error: Exception | None) -> None:
        self._ended = True

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._serve_soon()

    # The thread

    def _take(self, own: int) -> None:
        """Take off the socket whatever comes, until it ends."""
        with suppress(OSError, RuntimeError):  # the loop is closed
            while not self._ended:
                if not select.select([own], [], [], 1.0)[0]:
                    continue
                time.sleep(
                    PAUSE
                )  # what follows at once comes with it: waking for each costs more than it asks
                data = os.read(own, AT_ONCE)
                if not data:
                    break
                self._came.append(data)
                self._read += len(data)
                self._loop.call_soon_threadsafe(self._serve_soon)
                while self._read - self._taken > AHEAD and not self._ended:
                    time.sleep(PAUSE)
        os.close(own)
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.end)

    # The loop

    def _serve_soon(self) -> None:
        if not self._waits:
            self._waits = True
            self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        self._waits = False
        if self._ended or self._full or self._halted or self._transport is None:
            return
        while self._came:
            self._buffer += self._came.popleft()
        size = len(self._buffer)
        out: list[bytes] = []
        try:
            with closing(abci.frames(self._buffer)) as frames:
                for frame in islice(frames, TURN):
                    out.append(abci.frame(*self._application.answer(frame)))
        except (Halt, BrokenBytes) as reason:
            # No answer, and no other connection is served: the engine stops too.
            self._halted = True
            self._halt(str(reason))
            return
        self._taken += size - len(self._buffer)
        if out:
            self._transport.write(b"".join(out))
        if len(out) == TURN:
            self._serve_soon()

    def end(self) -> None:
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def serving(
    application: AbciApplication, path: Path, halt: Callable[[str], None]
) -> AsyncIterator[None]:
    """Serve the application on a Unix socket."""
    sys.setswitchinterval(SWITCH)
    with suppress(FileNotFoundError):
        path.unlink()
    connections: WeakSet[Connection] = WeakSet()  # an engine that is started again leaves some behind

    def connected() -> Connection:
        connection = Connection(application, halt)
        connections.add(connection)
        return connection

    server = await asyncio.get_running_loop().create_unix_server(connected, path)
    try:
        yield
    finally:
        server.close()
        for connection in list(connections):
            connection.end()
        await asyncio.sleep(0)  # in which their sockets are closed
