"""Flower's clients as learners, unchanged but for where their rows come from: `rows()`.

A client answers Flower's own messages, one member after the other in this process, without a server and
without Ray. `Context.state` is the member's memory. Arrays of whole numbers stay with the member: they have
no mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from flwr.app import Context
from flwr.clientapp import ClientApp

from ..base.measure import Measure
from ..base.task import Task
from ..learning.learner import (
    Batches,
    Capabilities,
    Gradient,
    Learner,
    Memory,
    Model,
    Planned,
    Rows,
    Trained,
    ensure_no_gradient,
)
from . import own
from .flower_messages import Arrays, Reply, context_of, exchange, is_older, named, seeded, state_of

NEEDS = ("flwr>=1.41",)
_at_work: list[Rows] = []


def rows() -> tuple[Any, Any]:
    """The rows (x, y) of the member that trains or judges now: for the client's `load_data`."""
    if not _at_work:
        raise own.BadLearner("no member is at work: rows() is for a Flower client that Tallystick runs")
    return np.asarray(_at_work[-1].x), np.asarray(_at_work[-1].y)


@dataclass(frozen=True)
class ServerConfig:
    """What Flower's server would tell a client."""

    run: Mapping[str, Any] = field(default_factory=dict)  # the run config, of its pyproject.toml
    train: Mapping[str, Any] = field(default_factory=dict)  # the config of each training
    measures: Mapping[str, str] = field(default_factory=dict)  # measure: what the client calls it


def learner(
    client: Any,
    name: str,
    version: str = "1",
    *,
    first: Callable[[], Any] | None = None,
    run_config: Mapping[str, Any] | None = None,
    train_config: Mapping[str, Any] | None = None,
    measures: Mapping[str, str] | None = None,
    needs: Sequence[str] = NEEDS,
) -> Learner:
    """The learner of a `ClientApp`, of a `client_fn(context)`, or of a `NumPyClient`.

    `first` gives the arrays with which a server would begin (`Net().state_dict()`, or a list); without it an
    older client is asked for its parameters. A client measures, it does not predict: the value of a measure
    is the client's metric of that name, or of the name that `measures` gives it.
    """
    app = client if isinstance(client, ClientApp) else ClientApp(_client_fn(client, name))
    if first is None and not is_older(app):
        raise own.BadLearner(f"say how {name} begins: first=lambda: Net().state_dict()")
    server = ServerConfig(run_config or {}, train_config or {}, measures or {})
    chosen = {f"run.{key}": str(value) for key, value in server.run.items()}
    chosen |= {f"train.{key}": str(value) for key, value in server.train.items()}
    able = Capabilities(parameters=True, continues=True, per_example_gradients=False, predictions=False)
    card = own.Card(name, version, able, chosen, tuple(needs), own.source_of(first or client))
    return own.learner_of(card, lambda task: FlowerMember(app, name, task, first, server))


def _client_fn(client: Any, name: str) -> Callable[[Context], Any]:
    if hasattr(client, "to_client"):  # a client rather than a function that makes one
        return lambda context: client.to_client()
    if not callable(client):
        kind = type(client).__name__
        raise own.BadLearner(f"{name} is a {kind}; give a ClientApp, a client_fn or a NumPyClient")
    return lambda context: _as_client(client(context))


def _as_client(made: Any) -> Any:
    return made.to_client() if hasattr(made, "to_client") else made


@dataclass(eq=False)
class FlowerMember:
    """A member's Flower client for one task."""

    app: ClientApp
    name: str
    task: Task
    first: Callable[[], Any] | None
    server: ServerConfig

    def init(self, plan: Planned, key: Any) -> Model:
        """The arrays with which a server would begin."""
        begun = self._begun(own.seed_of(key))
        return {name: part.astype(np.float32) for name, part in begun.items() if part.dtype.kind == "f"}

    def remember(self, model: Model) -> Memory:
        return {"state": np.zeros(0, np.uint8), "whole": {}, "trainings": np.zeros((), np.int64)}

    def train(
        self, model: Model, memory: Memory, batches: Batches, key: Any, gradient: Gradient | None
    ) -> Trained:
        """One training of the client on the rows that the order names; it shuffles and repeats by itself."""
        ensure_no_gradient(self.name, gradient)
        taken = own.rows_taken(batches)
        if not len(taken.y):
            return Trained(model, memory, {"loss": np.float32(0)})
        if not np.isfinite(own.floats_of(taken.x)).all():
            return Trained(own.spoilt(model), memory, {"loss": np.float32("nan")})
        number = int(memory["trainings"]) + 1
        context = context_of(memory["state"], self.server.run)
        config = {"server-round": number, **self.server.train}
        given = self._given(model, memory["whole"])
        reply = self._ask("train", given, config, context, taken, own.seed_of(key))
        self._ensure_alike(reply.arrays, given)
        trained = {name: reply.arrays[name].astype(np.float32) for name in model}
        whole = {name: part for name, part in reply.arrays.items() if name not in model}
        kept = {"state": state_of(context), "whole": whole, "trainings": np.asarray(number)}
        return Trained(trained, kept, {"loss": np.float32(reply.loss)})

    def predict(self, model: Model, x: Any) -> Any:
        """Refused: Flower's clients have no such message."""
        raise own.CannotPredict(f"learner {self.name} is a Flower client: it measures, and does not predict")

    def evaluate(self, model: Model, rows: Rows, measure: Measure) -> Any:
        """The client's own metric on these rows."""
        if not len(rows.y):
            return np.float32("nan")
        context = context_of(np.zeros(0, np.uint8), self.server.run)
        reply = self._ask("evaluate", self._given(model, {}), {}, context, rows, 0)
        called = self.server.measures.get(measure.name, measure.name)
        if called not in reply.metrics:
            measured = ", ".join(reply.metrics) or "nothing"
            raise own.BadLearner(
                f"client {self.name} measures {measured}, not {called!r}: choose such a measure for the "
                f"task, or say how the client calls it: measures={{{measure.name!r}: ...}}"
            )
        return np.float32(reply.metrics[called])

    @cached_property
    def _layout(self) -> Arrays:
        """The client's arrays in its own order, for their names and types."""
        return self._begun(0)

    def _begun(self, seed: int) -> Arrays:
        if self.first is not None:
            with seeded(seed):
                return named(self.first())
        kind: Any = np.int32 if self.task.labels else np.float32
        blank = Rows(np.zeros((1, *self.task.shape), np.float32), np.zeros(1, kind))
        context = context_of(np.zeros(0, np.uint8), self.server.run)
        return self._ask("get_parameters", {}, {}, context, blank, seed).arrays

    def _given(self, model: Model, whole: Mapping[str, Any]) -> Arrays:
        """The model as the client knows it, with what the member kept of it."""
        mine = {**self._layout, **whole, **model}
        return {name: np.asarray(mine[name], part.dtype) for name, part in self._layout.items()}

    def _ask(
        self, kind: str, arrays: Arrays, config: Mapping[str, Any], context: Context, given: Rows, seed: int
    ) -> Reply:
        with _working(given), seeded(seed):
            return exchange(self.app, kind, arrays, config, context)

    def _ensure_alike(self, returned: Arrays, given: Arrays) -> None:
        shapes, expected = ({name: part.shape for name, part in some.items()} for some in (returned, given))
        if shapes != expected:
            odd = min(name for name in {**shapes, **expected} if shapes.get(name) != expected.get(name))
            raise own.BadLearner(f"client {self.name} gave back {odd!r} otherwise than it was given")


@contextmanager
def _working(given: Rows) -> Iterator[None]:
    _at_work.append(given)
    try:
        yield
    finally:
        _at_work.pop()
