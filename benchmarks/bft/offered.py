"""An open load on a network: each transaction is sent when its time has come, whatever became of others."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from tallystick.engines.cometbft.rpc import RpcNode
from tallystick.engines.engine import EngineError

CONNECTIONS = 10  # to each node
SETTLES = 40.0  # seconds that what was sent may take to be decided
LOOK = 0.02
TICK = 0.01


@dataclass(frozen=True)
class Carried:
    """What became of a load."""

    offered: float  # transactions a second
    committed: float  # transactions a second, from the first block's time to the last one's
    sent: int
    decided: int
    latencies: list[float]  # seconds from when each was due to be sent until its block was seen, in order
    blocks: int
    empty: int

    def percentile(self, share: float) -> float:
        """A latency that this share of the decided ones does not pass."""
        if not self.latencies:
            return float(SETTLES)
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def request(transaction: bytes) -> bytes:
    """The bytes of an HTTP request that hands in a transaction and waits for no check of it."""
    parameters = {"tx": base64.b64encode(transaction).decode()}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "broadcast_tx_async", "params": parameters})
    head = f"POST / HTTP/1.1\r\nHost: node\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


def carry(urls: Sequence[str], transactions: Sequence[bytes], rate: float) -> Carried:
    """Offer these at this rate, spread over all nodes; returns once all are decided or given up."""
    return asyncio.run(_carry(urls, transactions, rate))


async def lines(urls: Sequence[str]) -> list[asyncio.Transport]:
    """Connections to every node, whose answers are read and not looked at."""
    loop, made = asyncio.get_running_loop(), []
    for url in urls:
        host, _, port = url.removeprefix("http://").partition(":")
        for _ in range(CONNECTIONS):
            made.append((await loop.create_connection(asyncio.Protocol, host, int(port)))[0])
    return made


async def _carry(urls: Sequence[str], transactions: Sequence[bytes], rate: float) -> Carried:
    requests = [request(transaction) for transaction in transactions]
    opened = await lines(urls)
    node = RpcNode(urls[0])
    first = await asyncio.to_thread(node.height)
    seen: list[tuple[int, float]] = [(first, time.monotonic())]
    ended = asyncio.Event()
    watching = asyncio.create_task(watch(node, seen, ended, LOOK))
    begun = time.monotonic()
    await _send(opened, requests, rate, begun)
    due = {
        hashlib.sha256(transaction).digest(): begun + at / rate for at, transaction in enumerate(transactions)
    }
    decided = await _await_all(node, seen, due)
    ended.set()
    await watching
    for line in opened:
        line.close()
    carried = await asyncio.to_thread(_result, node, seen, due, rate, first, decided)
    node.close()
    return carried


async def _send(opened: list[asyncio.Transport], requests: list[bytes], rate: float, begun: float) -> None:
    turn, at = cycle(opened), 0
    while at < len(requests):
        ready = min(len(requests), int((time.monotonic() - begun) * rate) + 1)
        for body in requests[at:ready]:
            next(turn).write(body)
        at = ready
        await asyncio.sleep(TICK)


async def watch(node: RpcNode, seen: list[tuple[int, float]], ended: asyncio.Event, pause: float) -> None:
    """When each height was first seen."""
    while not ended.is_set():
        try:
            height = await asyncio.to_thread(node.height)
        except EngineError:
            continue
        if height > seen[-1][0]:
            seen.append((height, time.monotonic()))
        await asyncio.sleep(pause)


async def _await_all(node: RpcNode, seen: list[tuple[int, float]], due: dict[bytes, float]) -> int:
    """Wait until all are decided, or nothing has been for a while; the height up to which they are."""
    counted, at, changed = 0, seen[0][0], time.monotonic()
    while counted < len(due) and time.monotonic() - changed < SETTLES:
        top = seen[-1][0]
        while at < top:
            at += 1
            many = len(await asyncio.to_thread(node.block, at))
            counted += many
            if many:
                changed = time.monotonic()
        await asyncio.sleep(0.1)
    return at


def _result(
    node: RpcNode,
    seen: list[tuple[int, float]],
    due: dict[bytes, float],
    rate: float,
    first: int,
    last: int,
) -> Carried:
    heights = [height for height, _ in seen]
    latencies: list[float] = []
    times: list[float] = []
    empty = 0
    for height in range(first + 1, last + 1):
        names = [hashlib.sha256(transaction).digest() for transaction in node.block(height)]
        moment = seen[bisect_left(heights, height)][1]
        ours = [moment - due[name] for name in names if name in due]
        latencies += ours
        empty += not names
        if ours:
            times += [moment] * len(ours)
    blocks = last - first
    span = max(1e-9, times[-1] - times[0]) if times else 1.0
    later = sum(moment > times[0] for moment in times) if times else 0  # the first block marks the beginning
    committed = later / span if later else 0.0
    return Carried(rate, committed, len(due), len(latencies), sorted(latencies), blocks, empty)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
