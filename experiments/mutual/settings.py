"""What was tried for the networks of figures 2 and 3, on rows of the training sets that nobody trains on.

Accuracy alone does not choose: at too high a rate the model of an honest member now and then falls far
below the round's start, which the ledger takes for harm, and expels its member.
"""

from __future__ import annotations

from benchmarks.case import Case, Figure, Measured, Progress
from experiments.mutual.learning import ROUNDS, dealt, network
from experiments.seeds import curve, over_seeds

Settings = tuple[int, float, int]  # hidden units, rate, rows a batch

MEMBERS = 30
TRIED: dict[str, tuple[Settings, ...]] = {
    "mnist": ((64, 0.3, 32), (64, 0.2, 32), (64, 0.1, 32), (64, 0.1, 16), (64, 0.1, 8)),
    "cifar10": ((64, 0.3, 32), (64, 0.1, 32), (64, 0.1, 8), (64, 0.2, 8), (128, 0.1, 8), (256, 0.1, 8)),
}
FALLEN = 0.3  # of accuracy below the round's start: what `ledger/requests/misconduct.py` calls harm
LOOKED_AT = 10  # of so many judging rows one, for each member's model


def tried(name: str, setting: Settings, members: int, rounds: int) -> tuple[list[float], int]:
    """Accuracy on the judging rows after each round, and how many of the members' models fell."""
    from experiments.mutual.rounds import Loop, hits
    from experiments.mutual.team import judged_by
    from experiments.pictures import pictures
    from tallystick.learning.learner import Rows

    own = dealt(pictures(name, "edges"), members, seed=0)
    rows = judged_by(own)
    some = Rows(rows.x[::LOOKED_AT], rows.y[::LOOKED_AT])
    loop, values, fallen = Loop(network(rounds, setting), own, seed=0), [], 0
    learner = loop.bench.learner
    for _ in range(rounds):
        start = hits(learner, loop.model, some).mean()
        ends = [hits(learner, made.model, some).mean() for made in loop.step()]
        fallen += sum(bool(start - end > FALLEN) for end in ends)
        values.append(float(hits(learner, loop.model, rows).mean()))
    return values, fallen


def settings(smoke: bool, progress: Progress) -> Figure:
    """Every setting that was tried, on either data set."""
    from tallystick.report.plots import Panel

    rows, panels = [], []
    for name, among in TRIED.items():
        members, rounds = (4, 2) if smoke else (MEMBERS, ROUNDS[MEMBERS, name])
        curves = {}
        for setting in among[:1] if smoke else among:
            words = "{} hidden units, rate {:g}, batch {}".format(*setting)
            values, fallen = progress.once(f"{name}: {words}", lambda: tried(name, setting, members, rounds))  # noqa: B023
            rows.append(over_seeds(f"{name}, {words}", {0: values[-1]}, "accuracy on judging rows"))
            note = f"of {members * rounds}, over {rounds} rounds"
            what = f"{name}, {words}: a member's model fell by {FALLEN:g} below the round's start"
            rows.append(Measured(what=what, value=fallen, unit="times", note=note))
            curves[words] = curve(range(1, rounds + 1), [values])
        panels.append(Panel(f"round ({name})", "accuracy on judging rows", curves))
    return Figure(rows, panels)


CASES = (
    Case(
        "papers",
        "mutual-fig2-settings",
        "bpcv fig. 2: what was tried, on held-out training rows",
        settings,
        minutes=8,
        full=True,
    ),
)
