"""What turns read is brought here before anything is performed; what is not to be had is unavailable.

Performing then reads this machine alone. A gathering over networks asks the same questions: which payloads a
turn needs, which of them are here, and, of all that is missing at once, which a source can give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

from ..ledger import views
from ..ledger.state import REQUESTS, Reader
from ..ledger.transactions import posts
from .next_action import Action, MakePost, OpenScores, SendPost, duty_of
from .payloads.store import Payloads, Source
from .phase_view import PhaseView, closing_view, open_view
from .trouble import Attempt, NotAtHand, Trouble, reason_of
from .work import Duty
from .worker import InstalledScheme, Worker

Task: TypeAlias = tuple[Worker, Action]
NO_PAYLOAD = (b"", b"\x00" * 32)


@dataclass(frozen=True)
class Gathered:
    """The actions of a batch that can be done, all that they read, and why the others cannot be done now."""

    tasks: tuple[Task, ...]
    views: Mapping[Duty, PhaseView] = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()


def gather(view: Reader, tasks: Sequence[Task]) -> Gathered:
    """Look up what each turn is about, and bring its payloads here; the workers of a turn share them."""
    seen: dict[Duty, PhaseView] = {}
    able: set[tuple[str, Duty]] = set()
    troubles: list[Trouble] = []
    for duty, reading in _by_duty(tasks).items():
        equipped, others = _equipped(view, duty, reading)
        troubles += others
        if not equipped:
            continue
        members = [worker.member for (worker, _), _ in equipped]
        try:
            seen[duty] = _looked(view, duty, *equipped[0])
        except NotAtHand as lack:
            troubles += [Trouble(member, duty, "unavailable", str(lack)) for member in members]
        else:
            able |= {(member, duty) for member in members}
    fit = [task for task in tasks if not _reads(task[1]) or (task[0].member, duty_of(task[1])) in able]
    return Gathered(tuple(fit), seen, tuple(troubles))


def _looked(view: Reader, duty: Duty, task: Task, scheme: InstalledScheme) -> PhaseView:
    """What a turn is about, with its payloads here."""
    worker, action = task
    look = open_view if isinstance(action, MakePost) else closing_view
    seen = look(view, duty.request, scheme, worker.payloads)
    _bring(seen, duty, worker.sources)
    return seen


def _reads(action: Action) -> bool:
    """Whether an action reads more than what its node has kept."""
    return not isinstance(action, SendPost | OpenScores)


def _by_duty(tasks: Sequence[Task]) -> dict[Duty, list[Task]]:
    """The tasks that read something, by the turns that they serve."""
    served: dict[Duty, list[Task]] = {}
    for task in tasks:
        if _reads(task[1]):
            served.setdefault(duty_of(task[1]), []).append(task)
    return served


def _equipped(
    view: Reader, duty: Duty, tasks: Sequence[Task]
) -> tuple[list[tuple[Task, InstalledScheme]], list[Trouble]]:
    """The tasks whose workers have the request's scheme installed, and why others have not."""
    request = views.find(view, REQUESTS, duty.request)
    if request is None:
        reason = f"there is no request {duty.request}"
        return [], [Trouble(worker.member, duty, "unavailable", reason) for worker, _ in tasks]
    equipped, troubles = [], []
    for task in tasks:
        with Attempt() as attempt:
            equipped.append((task, task[0].scheme_of(request)))
        if attempt.error is not None:
            troubles.append(Trouble(task[0].member, duty, "unavailable", reason_of(attempt.error)))
    return equipped, troubles


def _bring(seen: PhaseView, duty: Duty, sources: Sequence[Source]) -> None:
    """Bring what a turn reads to this machine, or say what is missing without which nothing can be done."""
    if seen.served is None:  # its rounds are over
        _fetch(seen.payloads, sources, [seen.recorded, seen.draft.content if seen.draft else b""])
        return
    if (seen.served.round, seen.served.name) != (duty.round, duty.phase):
        raise NotAtHand(f"phase {duty.phase} of round {duty.round} is over")
    if seen.phase.do.content == "salt":
        return
    _fetch(seen.payloads, sources, [seen.progress.model, seen.request.initial])
    if seen.phase.do.reads_last:
        _bring_last(seen, sources)
    else:
        _fetch(seen.payloads, sources, seen.hashes.values())
    if not seen.payloads.have(seen.progress.model):
        raise NotAtHand(f"the model that round {seen.progress.round} starts from is not to be had")


def _bring_last(seen: PhaseView, sources: Sequence[Source]) -> None:
    """Bring the last post of a phase, and where that cannot be used the post before it."""
    for name, postings in seen.postings.items():
        for posting in reversed(postings):
            if isinstance(posting.content, posts.Model):
                _fetch(seen.payloads, sources, [posting.content.payload.plaintext])
                if isinstance(seen.inbox[name][posting.member], dict):
                    break


def _fetch(payloads: Payloads, sources: Sequence[Source], names: Iterable[bytes]) -> None:
    """Ask the sources in turn for all that is not here; bytes that nobody asked for are dropped."""
    missing = [name for name in dict.fromkeys(names) if name not in NO_PAYLOAD]
    for source in sources:
        missing = [name for name in missing if not payloads.have(name)]
        if not missing:
            return
        given: Mapping[bytes, bytes] = {}
        with Attempt():
            given = source.fetch(missing)
        for name, data in given.items():
            if name in missing and sha256(data).digest() == name:
                payloads.put(data)
