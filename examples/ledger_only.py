"""A request served by hand: every transaction that members' nodes would send by themselves.

What is learnt is one number, the mean wear of two plants' pumps, each with Gaussian noise on its own share.
Run it: `python examples/ledger_only.py`. The noise needs `pip install 'tallystick[learn]'`.
"""

import os
import tempfile
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from random import Random

from tallystick.base import merkle
from tallystick.base.ids import digest
from tallystick.cli import output
from tallystick.cli.run.consortium import DAY, HOUR, NAMES, REWARD, SIGMA, Consortium, Settlement
from tallystick.client import wall_clock
from tallystick.engines.export import AuditReport, export, verify
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.records import FinalRecord, Progress
from tallystick.ledger.views.requests import Turn, open_phase, turns
from tallystick.privacy.grid import discrete_gaussian
from tallystick.privacy.randomness import system

MILLION = 10**6
ROWS = 4_000  # of each plant, as many again for judging
GUESS = 500_000  # the model that round 1 starts from
INITIAL = digest(str(GUESS).encode())
NOISE = discrete_gaussian(Fraction(SIGMA * MILLION))


@dataclass
class Plant:
    """A member's private side: its rows, the scores that it sealed with their salt, what it measured last."""

    training: list[int]
    judging: list[int]
    measured: int = GUESS
    sealed: tuple[tuple[tx.Score, ...], bytes] = ((), b"")


@dataclass
class Models:
    """The models that were posted: by their digests, and by round and member."""

    values: dict[bytes, int] = field(default_factory=lambda: {INITIAL: GUESS})
    trained: dict[tuple[int, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Served:
    """What came of the request."""

    leaver: str
    progress: Progress
    record: FinalRecord
    settlement: list[Settlement]
    spent: dict[str, int]  # of each member's training rows, in nano-epsilon


def play(folder: Path) -> Served:
    """A request of three rounds; in the last the member that does not lead leaves."""
    consortium = Consortium(folder, wall_clock() - 3 * DAY, initial=INITIAL)
    try:
        return served(consortium)
    finally:
        consortium.close()


def served(consortium: Consortium) -> Served:
    plants, models = plants_of(Random("pumps")), Models()
    request = offered(consortium, plants)

    def act(member: str) -> bool:
        return acts(consortium, plants[member], models, request, member)

    progress = consortium.serve(request, lambda now: now.round == 3, act)
    leaver = next(name for name in ("bob", "cleo") if name != progress.leader)
    consortium.submit(leaver, tx.Leave(request))
    progress = consortium.serve(request, lambda now: now.stage in ("settled", "refunded"), act)
    record = consortium.clients["ada"].get(st.RECORDS, request)
    spent = {name: consortium.spent(name) for name in ("bob", "cleo")}
    return Served(leaver, progress, record, consortium.settlement(), spent)


def plants_of(chance: Random) -> dict[str, Plant]:
    """Wear in parts per million, differently distributed at each plant."""

    def rows(place: int) -> list[int]:
        return [round(MILLION * chance.betavariate(3, 5 + 2 * place)) for _ in range(ROWS)]

    return {name: Plant(rows(place), rows(place)) for place, name in enumerate(NAMES)}


def offered(consortium: Consortium, plants: dict[str, Plant]) -> str:
    """Units and grants of two plants, ada's request, and both apply; the request's id."""
    offers = {}
    for owner in ("bob", "cleo"):
        rows = (plants[owner].training, plants[owner].judging)
        roots = (merkle.root(str(row).encode() for row in some) for some in rows)
        unit = consortium.register(owner, 2 * ROWS, *roots)
        offers[owner] = consortium.grant(owner, unit, "ada", 1)
    request = consortium.post()
    for owner, offer in offers.items():
        consortium.apply(owner, request, offer)
    return request


def acts(consortium: Consortium, plant: Plant, models: Models, request: str, member: str) -> bool:
    """What waits for this member, done; whether anything waited."""
    for turn in turns(consortium.engine, member, consortium.clock.now):
        if turn.of == request:
            consortium.clock.now += HOUR // 60
            consortium.submit(member, body_for(consortium, plant, models, member, turn))
            return True
    return False


def body_for(consortium: Consortium, plant: Plant, models: Models, member: str, turn: Turn) -> tx.Transaction:
    """The transaction that a turn asks for."""
    request, round_, phase = turn.of, turn.round, turn.phase
    match turn.do:
        case "post" if phase == "judge":
            values, salt = judged(consortium, plant, models, member, request), os.urandom(32)
            plant.sealed = values, salt
            sealed = tx.score_commitment(request, round_, phase, member, values, salt)
            return tx.Post(request, round_, phase, tx.Committed(sealed))
        case "post" if phase == "combine":
            parts = [value for (number, _), value in models.trained.items() if number == round_]
            return tx.Post(request, round_, phase, posted(models, member, turn, sum(parts) // len(parts)))
        case "post":
            value = models.trained[round_, member] = noisy_mean(plant.training)
            return tx.Post(request, round_, phase, posted(models, member, turn, value))
        case "reveal":
            return tx.Reveal(request, round_, phase, *plant.sealed)
    model = consortium.progress(request).model
    figure = agreement(models.values[model], plant.measured)
    return tx.PostRecord(request, model, figure) if turn.do == "record" else tx.Approve(request, figure)


def judged(
    consortium: Consortium, plant: Plant, models: Models, member: str, request: str
) -> tuple[tx.Score, ...]:
    """One noisy measurement on one's own judging rows; every score follows from it."""
    plant.measured = noisy_mean(plant.judging)
    phase, start = open_phase(consortium.engine, request), consortium.progress(request).model
    others = [] if phase is None else [(phase.round, name) for name in phase.subjects if name != member]
    values = [models.values[start], *(models.trained[key] for key in others)]
    return tuple(tx.Score(agreement(value, plant.measured)) for value in values)


def posted(models: Models, member: str, turn: Turn, value: int) -> tx.Model:
    """A payload begins with member, request and round: its hash is a commitment bound to them."""
    content = f"{member} {turn.of} {turn.round} {turn.phase} {value}".encode()
    models.values[digest(content)] = value
    payload = tx.Payload(len(content), digest(content), digest(b"sealed", content), digest(b"1", content))
    return tx.Model(payload, rows=ROWS)


def noisy_mean(rows: list[int]) -> int:
    """The mean in parts per million; on the sum lies noise of SIGMA times what one row can change."""
    return (sum(rows) + int(NOISE.sample(1, system())[0])) // len(rows)


def agreement(value: int, measured: int) -> int:
    """How well a model agrees with what a judge measured: a million when fully."""
    return MILLION - abs(value - measured)


def lines(came: Served, report: AuditReport) -> list[str]:
    """What came of it, for people."""
    heads = ("member", "had", "escrow", "reward", "fines", "back", "has", "credit")
    rows = [tuple(vars(row).values()) for row in came.settlement]
    measured = "nothing" if came.record.figure is None else output.share(came.record.figure)
    spent = ", ".join(f"{name} {output.epsilon(nano)}" for name, nano in came.spent.items())
    recorder = f"{came.record.recorder} recorded the model"
    return [
        f"The request is {came.progress.stage}; {recorder}; agreement {measured}.",
        f"{came.leaver} left in round 3 and is fined. Of {REWARD} tokens:",
        "",
        *output.table(heads, rows, ""),
        "",
        f"ε spent on training rows, per record, at δ 1e-6: {spent}",
        f"Executed again: {report.transactions} transactions, {report.problem or 'all true'}.",
    ]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tally-example-") as name:
        came = play(Path(name) / "ledger")
        export(Path(name) / "ledger", Path(name) / "run.tally")
        print("\n".join(lines(came, verify(Path(name) / "run.tally"))))


if __name__ == "__main__":
    main()
