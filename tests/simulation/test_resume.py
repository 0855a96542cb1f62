"""A run that is cut off goes on where its ledger ends, and comes to the same end as one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.embedded.reader import open_reader
from tallystick.engines.engine import Ticket
from tallystick.learning.models import mlp
from tallystick.ledger.transactions import Unsealed
from tallystick.simulation import attacks, faults
from tallystick.simulation.behaviours import Behaviour
from tallystick.simulation.run import Begin, simulate
from tallystick.simulation.setting import Setting
from tests.architecture.source import ROOT
from tests.simulation.digits import setting

BEHAVIOURS = (
    *attacks.behaviours({"site-3": attacks.sign_flip(5)}),
    faults.crash("site-1", "train", round=2, back=60_000),
    faults.withhold("site-2", round=2, rounds=1),
    faults.late("site-4", by=30_000, round=1),
    faults.leave("site-0", round=3),
)


def eventful() -> Setting:
    """Three rounds in which somebody attacks, crashes, withholds, is late, leaves."""
    adam = mlp(32, rate=0.01, optimiser="adam")  # which remembers something from round to round
    return replace(setting("mutual", 3, behaviours=BEHAVIOURS), learner=adam)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The head of the run that nobody disturbed."""
    return simulate(eventful(), tmp_path_factory.mktemp("whole") / "ledger").head


class Cut(BaseException):
    """The process ends here."""


def cutting(after: int) -> Begin:
    """An engine at which the process ends when so many transactions were handed in, before the next."""

    def begin(*given: Any, **named: Any) -> EmbeddedEngine:
        engine, sent = EmbeddedEngine(*given, **named), [0]
        submit = engine.submit

        def counted(transaction: bytes | Unsealed) -> Ticket:
            sent[0] += 1
            if sent[0] > after:
                raise Cut
            return submit(transaction)

        engine.submit = counted  # type: ignore[method-assign]
        return engine

    return begin


def test_it_goes_on_to_the_same_end_wherever_it_is_cut_off(tmp_path: Path, whole: bytes) -> None:
    """Also in the middle of a batch, when the engine still takes what it was given."""
    for after in (0, 12, 7, 8, 3, 13, 6):
        with pytest.raises(Cut):
            simulate(eventful(), tmp_path / "ledger", None, tmp_path / "work.db", cutting(after))
    ended = simulate(eventful(), tmp_path / "ledger", checkpoint=tmp_path / "work.db")
    assert ended.progress.stage == "settled"
    assert ended.head == whole


def test_nothing_is_made_twice(tmp_path: Path) -> None:
    """Work that was kept is sent as it is: another training would be another release."""
    before = 3 * len(eventful().members) + 1  # units, grants and applications; the request
    with pytest.raises(Cut):
        simulate(eventful(), tmp_path / "ledger", None, tmp_path / "work.db", cutting(before + 2))
    made: list[str] = []

    def counted(phase, honest):
        def serve(bench, jobs):
            made.extend(f"{job.member} {phase.name} {job.round}" for job in jobs)
            return honest(bench, jobs)

        return serve

    watched = Behaviour("watched", (), serve=counted)
    again = replace(eventful(), behaviours=(*BEHAVIOURS, watched))
    simulate(again, tmp_path / "ledger", checkpoint=tmp_path / "work.db")
    assert "site-0 train 1" not in made and "site-4 train 1" in made  # who was late had made nothing yet
    assert len(made) == len(set(made)) > 0


PROGRAM = """
import sys
from pathlib import Path
from typing import Any
from tallystick.simulation.run import simulate
from tests.simulation.test_resume import eventful
folder = Path(sys.argv[1])
print(simulate(eventful(), folder / "ledger", checkpoint=folder / "work.db").head.hex())
"""


def test_a_killed_process_changes_nothing(tmp_path: Path, whole: bytes) -> None:
    words = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    run = subprocess.Popen(words, env={**os.environ, "PYTHONPATH": paths})
    until = time.monotonic() + 120
    while height_of(tmp_path / "ledger") < 14 and time.monotonic() < until and run.poll() is None:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    ended = simulate(eventful(), tmp_path / "ledger", checkpoint=tmp_path / "work.db")
    assert ended.head == whole


def height_of(ledger: Path) -> int:
    try:
        with open_reader(ledger, check=False) as reader:
            return reader.status().height
    except Exception:  # noqa: BLE001  it is not there yet, or half made
        return 0
