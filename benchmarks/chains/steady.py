"""A steady load: so many transactions are under way at one time, each until it is visible on every node."""

from __future__ import annotations

import asyncio
import hashlib
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle

from benchmarks.bft.offered import SETTLES, TICK, lines, request, watch
from tallystick.engines.cometbft.rpc import RpcNode

LOOK = 0.05  # seconds between two looks at a node


@dataclass(frozen=True)
class Visible:
    """What became of a load; moments are by the machine's clock that never jumps."""

    began: float
    ended: float  # when the last one was visible everywhere
    sent: int
    decided: int
    latency: float  # seconds on average from submission until visible on every node
    blocks: int
    empty: int


@dataclass
class _Seen:
    """What is known of a network while it is loaded."""

    first: int  # the height before the load
    heights: list[list[tuple[int, float]]]  # of each node: a height, when it was first seen to be that high
    blocks: list[list[bytes]] = field(default_factory=list)  # from the first height on, names of transactions
    decided: int = 0
    changed: float = field(default_factory=time.monotonic)

    def everywhere(self, height: int) -> float:
        """When every node had this block."""
        return max(seen[bisect_left(seen, (height, 0.0))][1] for seen in self.heights)

    def settled(self, total: int) -> bool:
        """Whether all are decided and every node has seen it; or nothing comes any more."""
        top = self.first + len(self.blocks)
        done = self.decided >= total and all(seen[-1][0] >= top for seen in self.heights)
        return done or time.monotonic() - self.changed > SETTLES


def hold(
    urls: Sequence[str],
    transactions: Sequence[bytes],
    ahead: int,
    rate: float = float("inf"),
    ready: Callable[[], object] = lambda: None,
) -> Visible:
    """Send these, at most `ahead` of them undecided, at most at this rate; `ready` is called right before."""
    return asyncio.run(_hold(urls, transactions, ahead, rate, ready))


async def _hold(
    urls: Sequence[str], transactions: Sequence[bytes], ahead: int, rate: float, ready: Callable[[], object]
) -> Visible:
    names = [hashlib.sha256(transaction).digest() for transaction in transactions]
    requests = [request(transaction) for transaction in transactions]
    opened = await lines(urls)
    nodes = [RpcNode(url) for url in urls]
    await asyncio.to_thread(ready)
    first = await asyncio.to_thread(nodes[0].height)
    began = time.monotonic()
    seen = _Seen(first, [[(first, began)] for _ in nodes])
    ended = asyncio.Event()
    each = zip(nodes, seen.heights, strict=True)
    looks = [asyncio.create_task(watch(node, heights, ended, LOOK)) for node, heights in each]
    reads = asyncio.create_task(_read(nodes[0], seen))
    sent = await _send(opened, requests, ahead, rate, seen)
    while not seen.settled(len(names)):
        await asyncio.sleep(LOOK)
    ended.set()
    reads.cancel()
    await asyncio.gather(*looks, reads, return_exceptions=True)
    for line in opened:
        line.close()
    for node in nodes:
        node.close()
    return _result(seen, dict(zip(names, sent, strict=False)), began)


async def _send(
    opened: list[asyncio.Transport], requests: list[bytes], ahead: int, rate: float, seen: _Seen
) -> list[float]:
    """When each was sent."""
    turn, began, sent = cycle(opened), time.monotonic(), list[float]()
    while len(sent) < len(requests) and not (sent and time.monotonic() - seen.changed > SETTLES):
        now = time.monotonic()
        due = min(len(requests), seen.decided + ahead, (now - began) * rate + 1)
        for body in requests[len(sent) : int(due)]:
            next(turn).write(body)
            sent.append(now)
        await asyncio.sleep(TICK)
    return sent


async def _read(node: RpcNode, seen: _Seen) -> None:
    """Read every block once the node has it."""
    while True:
        while seen.first + len(seen.blocks) < seen.heights[0][-1][0]:
            block = await asyncio.to_thread(node.block, seen.first + len(seen.blocks) + 1)
            seen.blocks.append([hashlib.sha256(transaction).digest() for transaction in block])
            seen.decided += len(block)
            if block:
                seen.changed = time.monotonic()
        await asyncio.sleep(TICK)


def _result(seen: _Seen, sent: dict[bytes, float], began: float) -> Visible:
    reached = min(heights[-1][0] for heights in seen.heights) - seen.first
    took: list[float] = []
    ended, blocks = began, 0
    for at, names in enumerate(seen.blocks[:reached], 1):
        moment = seen.everywhere(seen.first + at)
        ours = [moment - sent[name] for name in names if name in sent]
        if ours:
            ended, blocks = moment, at
        took += ours
    empty = sum(not names for names in seen.blocks[:blocks])
    mean = sum(took) / len(took) if took else SETTLES
    return Visible(began, ended, len(sent), len(took), mean, blocks, empty)
