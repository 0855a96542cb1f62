"""A request as somebody follows it: a stream of the moments that a replay would tell, as blocks come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self, final

from ..base.measure import Measure
from ..engines.engine import CommittedBlock, Engine, EngineError
from ..ledger import views
from ..ledger.notices import Notice, PhaseOpened, RequestEnded, RequestPosted
from ..ledger.records import Phase, Request
from ..ledger.rules import all_phases
from ..ledger.state import PHASES, REQUESTS
from ..ledger.transactions import Post, Reveal, unseal
from .moments import (
    SCORING,
    Follower,
    HeardBlock,
    Moment,
    every_notice,
    notices_of,
    phases_of,
    posts_of,
)


@final
class MomentStream:
    """Moments of a request, or of the next one posted, in order; `with` ends the subscription.

    The engine only puts a block into a queue. Whoever reads the stream makes moments of it, in its own thread
    and without the lock under which blocks are made, so that a slow reader holds nobody up.
    """

    def __init__(self, engine: Engine, measure: Measure | None = None, name: str = "") -> None:
        self._engine = engine
        self._state = engine.state
        self._blocks: SimpleQueue[tuple[CommittedBlock, tuple[Phase, ...]] | None] = SimpleQueue()
        self._follower = Follower(measure)
        self._name = name
        self._closed = False
        self._posted = self._request()
        if self._posted is not None:
            self._begin(self._posted)
        self._unsubscribe = engine.subscribe(self._put)

    def waiting(self) -> list[Moment]:
        """What has happened since the stream was last read; nothing is waited for."""
        moments: list[Moment] = []
        while True:
            try:
                heard = self._blocks.get_nowait()
            except Empty:
                return moments
            if heard is not None:
                moments += self._read(*heard)

    def next(self, timeout: float | None = None) -> list[Moment]:
        """The moments of the next block that has any; none when the time is over or the stream closed."""
        while not self._closed:
            try:
                heard = self._blocks.get(timeout=timeout)
            except Empty:
                return []
            moments = [] if heard is None else self._read(*heard)
            if moments:
                return moments
        return self.waiting()

    def __iter__(self) -> Iterator[Moment]:
        """Each moment as it comes, until the request has ended or the stream is closed."""
        while moments := self.next():
            yield from moments
            if any(isinstance(moment.notice, RequestEnded) for moment in moments):
                return

    def close(self) -> None:
        """Hear of no more blocks; who waits for one waits no longer."""
        self._unsubscribe()
        self._closed = True
        self._blocks.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _put(self, block: CommittedBlock) -> None:
        """Called by who makes blocks: note the block, and the judges' phases that it opens."""
        if not self._name:
            posted = (notice for notice in every_notice(block) if isinstance(notice, RequestPosted))
            self._name = next((notice.request for notice in posted), "")
        self._blocks.put((block, self._opened(notices_of(block, self._name))))

    def _opened(self, heard: Sequence[Notice]) -> tuple[Phase, ...]:
        if not any(isinstance(notice, PhaseOpened) for notice in heard):
            return ()
        try:
            self._posted = self._posted or self._request()
            return () if self._posted is None else tuple(phases_of(self._state, self._posted, heard))
        except EngineError:
            return ()

    def _request(self) -> Request | None:
        return views.find(self._state, REQUESTS, self._name) if self._name else None

    def _begin(self, request: Request) -> None:
        """Take up a request that has already come some way."""
        self._follower.begin(request)
        for place, rule in enumerate(all_phases(request.rules)):
            phase = views.find(self._engine, PHASES, request.request, place)
            if phase is not None and rule.content == "scores":
                self._follower.phases[phase.round, phase.name] = phase

    def _read(self, block: CommittedBlock, phases: tuple[Phase, ...]) -> list[Moment]:
        heard = notices_of(block, self._name)
        if self._follower.request is None and heard:
            request = self._request()
            if request is not None:
                self._follower.begin(request)
        posts: tuple[tuple[str, Post | Reveal], ...] = ()
        if any(receipt.kind in SCORING for receipt in block.receipts):
            transactions = map(unseal, self._engine.block(block.height).transactions)
            posts = tuple(posts_of(transactions, block.receipts, self._name))
        return self._follower.follow(HeardBlock(block.time, heard, posts, phases))[0]


@dataclass(eq=False)
class NoticeLog:
    """What the ledger says, in its order: by time."""

    heard: list[tuple[int, object]] = field(default_factory=list)

    def hear(self, block: CommittedBlock) -> None:
        """Note what a block says."""
        self.heard += [(block.time, notice) for notice in every_notice(block)]
