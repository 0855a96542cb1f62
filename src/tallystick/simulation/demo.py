"""The demo's story: five clinics, one of them malicious, one that leaves; real recordings of smartwatches."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

from ..learning.models import mlp
from . import attacks, faults
from .members import Members
from .outcome import Run
from .pages import WIDTH
from .schemes import Scheme, presets
from .study import simulate
from .telling import Moment
from .watches import Watches, watches

MALICIOUS, LEAVER = "west", "east"
LEAVES = 4
ROUNDS = 6

Say = Callable[[str], None]


def scheme(rounds: int = ROUNDS) -> Scheme:
    """Settings chosen on the members' judging rows."""
    learner = mlp(64, rate=0.01, optimiser="adam")
    made: Scheme = presets.mutual(learner, rounds=rounds, batch=16, epochs=5)
    return made


def demo(folder: Path | None, say: Say, watch: Callable[[Moment], None] | None = None) -> Run:
    """Tell the story and run it; `say` is given lines, `watch` every moment as it comes."""
    found = watches()
    members = Members(found.task, found.members)
    _introduce(found, say)
    run = simulate(
        scheme(),
        members,
        attacks={MALICIOUS: attacks.sign_flip(5)},
        faults=[faults.leave(LEAVER, round=LEAVES)],
        test=found.test,
        store=folder,
        watch=watch or (lambda moment: say(f"  {moment.text}")),
    )
    say("")
    for line in str(run).splitlines():
        say(line)
    _use(run, found, say)
    return run


def _introduce(found: Watches, say: Say) -> None:
    people = sum(found.people.values())
    _wrapped(
        say,
        f"Five clinics have the exercises of {people} people, recorded by smartwatches. None of them hands "
        f"a recording over. They learn together to tell {len(found.exercises)} exercises apart.",
    )
    for name, count in found.people.items():
        rows = len(found.members[name].training.y) + len(found.members[name].judging.y)
        say(f"  {name:<8} {count} {'person' if count == 1 else 'people'}, {rows:,} pieces of three seconds")
    _wrapped(
        say,
        f"A requester pays for the model, and has people of its own, whom nobody here has seen. {MALICIOUS} "
        f"is malicious: its models step the wrong way. {LEAVER} leaves in round {LEAVES}.",
    )
    say("")


def _use(run: Run, found: Watches, say: Say) -> None:
    told = run.model.predict(found.test)
    truth = [found.exercises[number] for number in found.test.y]
    right = sum(one == other for one, other in zip(told, truth, strict=True))
    say("")
    _wrapped(say, f"The requester tries the model on its own people: {right:,} of {len(truth):,} are right.")
    report = run.verify()
    sound = "all true" if report.sound else f"NOT SOUND: {report.problem}"
    _wrapped(
        say,
        f"Nobody has to believe this: the ledger is exported and executed again, {report.height:,} blocks "
        f"with {report.transactions:,} transactions: {sound}.",
    )


def _wrapped(say: Say, text: str) -> None:
    for line in textwrap.wrap(text, WIDTH):
        say(line)
