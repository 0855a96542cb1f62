"""The demo's story: five clinics, one of them malicious, one that leaves; real recordings of smartwatches."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

from ..history.moments import Moment
from ..learning.models import linear, mlp
from ..protocols.noise import dp_sgd
from ..protocols.plans import Plan, presets
from . import attacks, faults
from .demo_data import Watches, watches
from .finished import Run
from .members import Members
from .pages import WIDTH
from .study import simulate

MALICIOUS, LEAVER = "west", "east"
LEAVES = 4
ROUNDS = 6
EPSILON, DELTA, STEPS = 8.0, 1e-5, 20
PLAIN = "Training adds no noise: no formal guarantee of privacy. `tally demo --private` shows what one costs."
NOISED = (
    f"Training adds noise: ε is counted for one record of a clinic's training rows, DP-SGD (subsampled "
    f"Gaussian), at most {EPSILON:g} at δ {DELTA:g}; beside each round is what is spent by the ledger's own "
    "Rényi account."
)

Say = Callable[[str], None]


def scheme(rounds: int = ROUNDS, private: bool = False) -> Plan:
    """Settings chosen on the members' judging rows."""
    if private:
        protect = dp_sgd(EPSILON, DELTA, steps=STEPS)
        # 20 samples of 96 rows are some 16 epochs of the smallest clinic: so long do its baselines train.
        noised: Plan = presets.mutual(linear(1.0), rounds=rounds, batch=96, epochs=16, protect=protect)
        return noised
    learner = mlp(64, rate=0.01, optimiser="adam")
    made: Plan = presets.mutual(learner, rounds=rounds, batch=16, epochs=5)
    return made


def demo(
    folder: Path | None, say: Say, watch: Callable[[Moment], None] | None = None, private: bool = False
) -> Run:
    """Tell the story and run it; `say` is given lines, `watch` every moment as it comes."""
    clinics = watches()
    members = Members(clinics.task, clinics.members)
    _introduce(clinics, say)
    _wrapped(say, NOISED if private else PLAIN)
    say("")
    run = simulate(
        scheme(private=private),
        members,
        attacks={MALICIOUS: attacks.sign_flip(5)},
        faults=[faults.leave(LEAVER, round=LEAVES)],
        test=clinics.test,
        store=folder,
        watch=watch or (lambda moment: say(f"  {moment.text}")),
    )
    say("")
    for line in str(run).splitlines():
        say(line)
    _use(run, clinics, say)
    return run


def _introduce(clinics: Watches, say: Say) -> None:
    people = sum(clinics.people.values())
    _wrapped(
        say,
        f"Five clinics have the exercises of {people} people, recorded by smartwatches. None of them hands "
        f"a recording over. They learn together to tell {len(clinics.exercises)} exercises apart.",
    )
    for name, count in clinics.people.items():
        rows = len(clinics.members[name].training.y) + len(clinics.members[name].judging.y)
        say(f"  {name:<8} {count} {'person' if count == 1 else 'people'}, {rows:,} pieces of three seconds")
    _wrapped(
        say,
        f"A requester pays for the model, and has people of its own, whom nobody here has seen. {MALICIOUS} "
        f"is malicious: its models step the wrong way. {LEAVER} leaves in round {LEAVES}.",
    )


def _use(run: Run, clinics: Watches, say: Say) -> None:
    predicted = run.model.predict(clinics.test)
    truth = [clinics.exercises[number] for number in clinics.test.y]
    right = sum(guess == label for guess, label in zip(predicted, truth, strict=True))
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
