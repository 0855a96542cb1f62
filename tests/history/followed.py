"""A simulated request that was followed while it ran: one member harms, another leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from tallystick.base.ids import derived_id
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.embedded.reader import open_reader
from tallystick.history.live import MomentStream
from tallystick.history.moments import Moment
from tallystick.history.replay import RequestHistory, replay
from tallystick.simulation import attacks, faults
from tallystick.simulation.run import Ended, simulate
from tallystick.simulation.setting import REQUESTER, Setting, genesis_of
from tests.simulation.digits import TASK, setting

REQUEST = derived_id("request", REQUESTER, 0)


@dataclass(frozen=True)
class Followed:
    """The run, what two readers of its stream heard, and what its ledger says afterwards."""

    setting: Setting
    ended: Ended
    folder: Path
    prompt: tuple[Moment, ...]  # of who read while blocks were made, in a thread of its own
    late: tuple[Moment, ...]  # of who read everything when all was over
    history: RequestHistory


def follow(folder: Path) -> Followed:
    """Five sites, three rounds under mutual supervision."""
    behaviours = (*attacks.behaviours({"site-1": attacks.sign_flip(5)}), faults.leave("site-2", round=2))
    given = setting("mutual", 3, deposit=300, behaviours=behaviours)
    prompt: list[Moment] = []
    late: list[Moment] = []

    def begin(*words: Any, **named: Any) -> EmbeddedEngine:
        engine = EmbeddedEngine(*words, **named)
        streams = [MomentStream(engine, TASK.measure, REQUEST), MomentStream(engine, TASK.measure)]
        reader = Thread(target=lambda: prompt.extend(streams[0]))
        reader.start()
        close = engine.close

        def closing() -> None:
            reader.join(60)
            late.extend(streams[1].waiting())
            close()

        engine.close = closing  # type: ignore[method-assign]
        return engine

    ended = simulate(given, folder, begin=begin)
    with open_reader(folder, check=False) as view:
        history = replay(view, genesis_of(given), TASK.measure)
    return Followed(given, ended, folder, tuple(prompt), tuple(late), history)
