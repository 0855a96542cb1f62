"""Wires between validators that can be cut or slowed."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial


@dataclass
class Wire:
    """The way by which validator `dialling` reaches validator `heard`."""

    dialling: int
    heard: int
    port: int
    target: int
    cut: bool = False
    delay: float = 0.0  # seconds, each way
    open: set[asyncio.StreamWriter] = field(default_factory=set)


class Proxy:
    """All wires, served by a thread of their own; `with` ends it."""

    def __init__(self, wires: list[Wire]) -> None:
        self.wires = wires
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self, validator: int, cut: bool) -> None:
        """Cut every wire of a validator, or mend them."""
        for wire in self._of(validator):
            wire.cut = cut
            if cut:
                self._loop.call_soon_threadsafe(_drop, wire)

    def slow(self, validator: int, delay: float) -> None:
        """Let everything to and from a validator take longer."""
        for wire in self._of(validator):
            wire.delay = delay

    def _of(self, validator: int) -> list[Wire]:
        return [wire for wire in self.wires if validator in (wire.dialling, wire.heard)]

    async def _serve(self) -> None:
        self._servers = [
            await asyncio.start_server(partial(self._carry, wire), "127.0.0.1", wire.port)
            for wire in self.wires
        ]

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for wire in self.wires:
            _drop(wire)
        await asyncio.sleep(0.1)
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _carry(self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if wire.cut:
            writer.close()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", wire.target)
        except OSError:
            writer.close()
            return
        wire.open |= {writer, far_writer}
        ways = (self._hand_on(wire, reader, far_writer), self._hand_on(wire, far_reader, writer))
        await asyncio.gather(*ways, return_exceptions=True)
        wire.open -= {writer, far_writer}

    async def _hand_on(self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(2**16):
                if wire.delay:
                    await asyncio.sleep(wire.delay)
                writer.write(data)
                await writer.drain()
        writer.close()


def _drop(wire: Wire) -> None:
    for writer in tuple(wire.open):
        writer.transport.abort()
