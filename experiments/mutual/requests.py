"""Whole requests under `mutual`, from registration to settlement on a ledger, and what became of them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence

import msgspec

from tallystick.history.statements import privacy_sentence
from tallystick.learning.learner import Rows
from tallystick.protocols.plans import Plan
from tallystick.simulation.attacks import Attack
from tallystick.simulation.behaviours import Behaviour
from tallystick.simulation.members import Members
from tallystick.simulation.study import simulate


class Served(msgspec.Struct, frozen=True):
    """How good a request's model was after each round, and how the request ended."""

    test: list[float]
    outcome: str
    privacy: list[str]
    ill: list[str]  # who attacked
    gone: list[str]  # who was evicted, or expelled
    paid: dict[str, int]  # the reward of each member

    def at(self, number: int) -> float:
        """Test accuracy after this round, or the last one before it."""
        return self.test[min(number, len(self.test)) - 1]


def serve(
    scheme: Plan,
    own: Members,
    test: Rows,
    seed: int,
    ill: Mapping[str, Attack] | None = None,
    parts: Sequence[Behaviour] = (),
) -> Served:
    """Run a request through a ledger of its own; `ill` says who attacks how, `parts` what else they do."""
    with tempfile.TemporaryDirectory(prefix="tallystick-mutual-") as folder:
        run = simulate(
            scheme, own, seed=seed, attacks=ill, faults=parts, test=test, compare=False, store=folder
        )
        values = [value for number, value in sorted(run.compared.values.items()) if number]
        gone = [name for name, place in run.history.places.items() if place.status in ("evicted", "expelled")]
        paid = {row.member: row.reward for row in run.pay}
        return Served(
            values,
            run.outcome,
            [privacy_sentence(rows) for rows in run.privacy],
            sorted(ill or {}),
            sorted(gone),
            paid,
        )
