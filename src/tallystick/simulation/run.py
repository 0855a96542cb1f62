"""A request from registration to settlement among simulated members, in virtual time on a real ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ..base.ids import derived_id
from ..engines.embedded.engine import EmbeddedEngine
from ..engines.engine import Engine
from ..engines.session import Session
from ..history.live import MomentStream, NoticeLog
from ..history.moments import Moment
from ..ledger import views
from ..ledger.records import FinalRecord, Progress
from ..ledger.requests.live import LIVE
from ..ledger.state import ACCOUNTS, RECORDS
from ..node.loop import Node, step
from ..node.payloads import store as payloads
from ..protocols.vocabulary import ensure_fit
from .behaviours import Conduct, LiveRun, VirtualClock, ensure_known
from .checkpoint import Checkpoint
from .course import Course, Show, nodes_of
from .course import begin as begin_request
from .setting import REQUESTER, START, Setting, genesis_of, keys_of, remembered, validator_of

Watch: TypeAlias = Callable[[Moment], None]
Begin: TypeAlias = Callable[..., EmbeddedEngine]  # folder, keys, genesis, clock; whatever runs alike


@dataclass(frozen=True, eq=False)
class Ended:
    """What a simulated request came to."""

    request: str
    progress: Progress
    record: FinalRecord | None
    balances: Mapping[str, int]
    notices: tuple[tuple[int, object], ...]
    model: bytes | None
    payloads: Mapping[bytes, bytes]  # what members shared, by its hash
    height: int
    head: bytes  # the root of the state at the end


def simulate(
    setting: Setting,
    folder: Path,
    watch: Watch | None = None,
    checkpoint: Path | None = None,
    begin: Begin = EmbeddedEngine,
) -> Ended:
    """Register, request, form, serve every round, record, settle; the folder holds the ledger afterwards.

    With a `checkpoint` a run that was cut off goes on where its ledger ends; `watch` and the notices that are
    returned then tell of the rest alone.
    """
    ensure_fit(setting.protocol, setting.learner)
    ensure_known(setting.behaviours, setting.taking_part)
    keys = keys_of(setting)
    clock, notices = VirtualClock(START), NoticeLog()
    request = derived_id("request", REQUESTER, 0)
    with (
        closing(Checkpoint(checkpoint, remembered(setting) if checkpoint else ())) as saved,
        begin(folder, keys=[validator_of(setting)], genesis=genesis_of(setting), clock=clock) as engine,
        _followed(engine, setting, request, watch) as show,
        _whole_batches(engine),
    ):
        engine.subscribe(notices.hear)
        shared = payloads.PayloadsInMemory()
        sessions = {name: Session(engine, key, name, clock, alone=True) for name, key in keys.items()}
        run = LiveRun(engine, nodes_of(setting, sessions, shared), shared, clock)
        saved.restore(run)
        course = Course(setting, run, Conduct(run, setting.behaviours, setting.alter), saved, show)
        begin_request(course)
        run.request = request
        progress = _serve(course)
        status = engine.status()
        accounts = {member: views.find(engine, ACCOUNTS, member) for member in keys}
        return Ended(
            request,
            progress,
            views.find(engine, RECORDS, request),
            {member: account.balance for member, account in accounts.items() if account},
            tuple(notices.heard),
            shared.get(progress.model),
            shared.kept,
            status.height,
            status.app_hash,
        )


@contextmanager
def _followed(engine: Engine, setting: Setting, request: str, watch: Watch | None) -> Iterator[Show]:
    """A stream of moments for whoever watches, read when nobody makes a block."""
    if watch is None:
        yield lambda: None
        return
    with MomentStream(engine, setting.plan.task.measure, request) as moments:

        def show() -> None:
            for moment in moments.waiting():
                if moment.telling:
                    watch(moment)

        yield show


@contextmanager
def _whole_batches(engine: EmbeddedEngine) -> Iterator[None]:
    """Whatever interrupts a run, a batch is in a block as a whole or not at all."""
    try:
        yield
    except BaseException:
        engine.abandon()
        raise


def _serve(course: Course) -> Progress:
    """Turn after turn until the request has ended; when nobody has anything to do, time moves on."""
    run, serving = course.run, [node for name, node in course.run.nodes.items() if name != REQUESTER]
    while True:
        course.show()
        course.checkpoint.begin_turn(run)
        progress = run.progress
        if progress is None:
            raise LookupError(f"request {run.request} is gone")
        if progress.stage not in LIVE:
            return progress
        _turn(course, progress, serving)
        run.engine.tick()


def _turn(course: Course, progress: Progress, serving: Sequence[Node]) -> None:
    """What behaviours send of their own accord, then a step of all nodes that do not rest."""
    run, conduct = course.run, course.conduct
    acted = conduct.acts()
    course.send(acted)
    resting = {node.member: conduct.rests(node) for node in serving}
    running = [node for node in serving if resting[node.member] is None]
    answered = False
    for batch in [[node] for node in running] if course.setting.apart else [running]:
        course.checkpoint.begin_turn(run)
        stepped = step(run.engine, batch, run.clock.now, conduct.alter, course.save, fail_fast=True)
        answered |= bool(stepped.answers)
    if not answered and not acted:
        wakes = [until for until in resting.values() if until is not None]
        run.clock.now = max(run.clock.now + 1, min([_next_time(run, progress), *wakes]))
        course.checkpoint.begin_turn(run)
        course.save()


def _next_time(run: LiveRun, progress: Progress) -> int:
    phase = run.open_phase
    return phase.deadline if phase else progress.deadline
