"""A finished run as a document: what programs read, and what lies in its folder for whoever looks later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..node.payloads.store import write_durably
from .finished import Finished
from .layout import RESULT
from .pages import course, screen


def document(run: Finished) -> dict[str, Any]:
    """What was asked, what came of it, round by round and member by member."""
    rounds = [
        {"round": one.number, "complete": one.complete, "score": _figure(run.compared.values.get(one.number)),
         "team": _figure(one.figure), "missed": one.missed, "gone": one.gone, "epsilon": one.epsilon}
        for one in run.each_round
    ]  # fmt: skip
    learner = run.setting.learner
    return {
        "preset": run.preset,
        "learner": learner.name,
        "settings": {name: str(value) for name, value in learner.settings.items()},
        "members": list(run.setting.members),
        "seed": run.setting.seed,
        "outcome": run.outcome,
        "measure": run.task.measure.name,
        "score": _figure(run.score),
        "alone": {name: _figure(value) for name, value in run.compared.alone.items()},
        "pooled": _figure(run.compared.pooled),
        "compared_on": run.compared.on,
        "rounds": rounds,
        "added": [f"{', '.join(part.members)} {part.told}" for part in run.setting.parts],
        "pay": [vars(one) for one in run.pay],
        "privacy": [*run.privacy, *run.notes],
        "height": run.chronicle.height,
        "head": run.chronicle.head.hex(),
    }


def keep(run: Finished) -> None:
    """Write the document, the screen and the course of it into the run's folder."""
    found = {**document(run), "screen": screen(run), "log": course(run)}
    data = json.dumps(found, indent=1, ensure_ascii=False).encode()
    target = run.folder / RESULT
    if not target.exists() or target.read_bytes() != data:
        write_durably(target, data)


def kept(folder: Path) -> dict[str, Any] | None:
    """What lies in a run's folder, or None where the run is not finished."""
    file = folder / RESULT
    found: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    return found


def _figure(value: float | None) -> float | None:
    """A figure as JSON has it, which knows no NaN."""
    return None if value is None or value != value else value
