"""PyTorch modules as learners: `build` and `loss` are enough, or `build` and a training loop of one's own.

A model is the floating-point part of the state dict, as float32. Whole-number buffers, such as BatchNorm's
count of batches, stay with the member, as what the optimiser remembers does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import torch

from ..base.measure import Measure
from ..base.task import Task
from ..learning.learner import (
    Batch,
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
from ..learning.measure import value_of
from .own import BadLearner, Card, floats_of, learner_of, name_of, seed_of, source_of, steps_of
from .torch_gradients import parameters_of, recall, remembered, shown

NEEDS = ("torch>=2.4",)
AT_A_TIME = 4096  # rows that are predicted at once: bounds the memory
LIKE_THIS = """write it like this:
    class PumpNet:
        def build(self, task):          # the network
            return torch.nn.Linear(len(task.columns), len(task.labels))
        def loss(self, net, x, y):      # the mean loss of some rows
            return torch.nn.functional.cross_entropy(net(x), y)"""


def learner(
    name: str = "", version: str = "1", needs: Sequence[str] = NEEDS, rate: float = 0.1
) -> Callable[[Any], Learner]:
    """Makes a learner of a class with `build(task)` and either `loss(net, x, y)` or `train(net, batches)`.

    It may have `optimiser(net)` (else plain gradient descent at this rate) and `predict(net, x)` (else what
    the network says, through a softmax where there are labels). With a loss, gradients of single rows can be
    clipped; a training loop of one's own is opaque: only its whole update can be clipped and noised.
    """

    def made(own: Any) -> Learner:
        kind = own if isinstance(own, type) else type(own)
        code = own() if isinstance(own, type) else own
        ways = [way for way in ("loss", "train") if callable(getattr(code, way, None))]
        if not callable(getattr(code, "build", None)) or len(ways) != 1:
            raise BadLearner(f"{kind.__name__} needs build(task) and either loss or train; {LIKE_THIS}")
        written = code.make if isinstance(code, Module) else kind
        called = name or name_of(written.__name__)
        able = Capabilities(True, True, per_example_gradients=ways == ["loss"], predictions=True)
        card = Card(called, version, able, {"rate": rate}, tuple(needs), source_of(written))
        return learner_of(card, lambda task: NetworkCode(code, called, task, rate))

    return made


def module(build: Callable[[Task], torch.nn.Module], **about: Any) -> Learner:
    """The learner of a function from a task to a network, with the loss that the task suggests."""
    return learner(**about)(Module(build))


@dataclass(frozen=True)
class Module:
    """A network learnt by cross-entropy, or by the squared error of a number."""

    make: Callable[[Task], torch.nn.Module]

    def build(self, task: Task) -> torch.nn.Module:
        return self.make(task)

    def loss(self, net: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if y.dtype == torch.long:
            return torch.nn.functional.cross_entropy(net(x), y)
        return torch.nn.functional.mse_loss(net(x).reshape(len(x)), y)


@dataclass(frozen=True, eq=False)
class NetworkCode:
    """A person's code for one task."""

    own: Any
    name: str
    task: Task
    rate: float

    def init(self, plan: Planned, key: Any) -> Model:
        """The first model, as the network draws it."""
        with seeded(seed_of(key)):
            return model_of(self._built())

    def remember(self, model: Model) -> Memory:
        return {"whole": {}, "optimiser": {}}

    def train(
        self, model: Model, memory: Memory, batches: Batches, key: Any, gradient: Gradient | None
    ) -> Trained:
        """A step for each batch, or all of them in a loop of the person's own."""
        if not hasattr(self.own, "loss"):
            ensure_no_gradient(self.name, gradient)
        with seeded(seed_of(key)):
            net = self._loaded(model, memory["whole"])
            net.train()
            if hasattr(self.own, "loss"):
                lost, kept = self._descend(net, memory["optimiser"], batches, key, gradient)
            else:
                lost, kept = self._left_to_it(net, batches), {}
        return Trained(model_of(net), {"whole": whole_of(net), "optimiser": kept}, {"loss": np.float32(lost)})

    def predict(self, model: Model, x: Any) -> Any:
        """Probabilities [rows, labels], or values [rows]."""
        net = self._loaded(model, {})
        net.eval()
        rows = floats_of(x)
        with torch.no_grad(), seeded(0):
            parts = [
                self._outputs(net, torch.tensor(rows[first : first + AT_A_TIME]))
                for first in range(0, max(len(rows), 1), AT_A_TIME)
            ]
        return torch.cat(parts).numpy()

    def evaluate(self, model: Model, rows: Rows, measure: Measure) -> Any:
        return value_of(measure, self.predict(model, rows.x), rows.y)

    def _built(self) -> torch.nn.Module:
        net = self.own.build(self.task)
        if not isinstance(net, torch.nn.Module):
            raise BadLearner(
                f"build of {self.name} gives {type(net).__name__}, no torch.nn.Module; {LIKE_THIS}"
            )
        odd = [name for name, part in net.state_dict().items() if part.is_complex()]
        if odd:
            raise BadLearner(f"{odd[0]!r} of {self.name} is complex; models have real numbers")
        return net

    def _loaded(self, model: Model, whole: Mapping[str, Any]) -> torch.nn.Module:
        with seeded(0):
            net = self._built()
        state = net.state_dict()
        floating = {name for name, part in state.items() if part.is_floating_point()}
        if floating != model.keys():
            odd = min(floating ^ model.keys())
            raise BadLearner(f"{odd!r} is only in one of them: the model, and the network of {self.name}")
        given = {name: torch.tensor(np.asarray(part)) for name, part in {**model, **whole}.items()}
        net.load_state_dict({**state, **given})
        return net

    def _descend(
        self, net: torch.nn.Module, kept: Any, given: Batches, key: Any, hook: Gradient | None
    ) -> tuple[float, dict[str, Any]]:
        """Down the gradient of the mean loss, or the one that the hook gives."""
        plain = torch.optim.SGD(net.parameters(), lr=self.rate)
        optimiser = self.own.optimiser(net) if hasattr(self.own, "optimiser") else plain
        recall(optimiser, kept)
        loss = None if hook is None else shown(net, self.own.loss, self.name, bool(self.task.labels))
        turn = jax.random.wrap_key_data(key)
        lost, steps = 0.0, steps_of(given)
        for number, places in enumerate(steps):
            optimiser.zero_grad()
            if hook and loss:
                step_key = jax.random.fold_in(turn, int(given.first) + number)
                value, slope = hook(loss, parameters_of(net), _batch(given.rows, places), step_key)
                for name, part in net.named_parameters():
                    if name in slope:
                        part.grad = torch.tensor(np.asarray(slope[name])).to(part.dtype)
                lost += float(value)
            elif len(places):
                mean = self.own.loss(net, *self._pair(given.rows, places))
                mean.backward()
                lost += float(mean.detach())
            optimiser.step()
        return lost / max(len(steps), 1), remembered(optimiser)

    def _left_to_it(self, net: torch.nn.Module, given: Batches) -> float:
        pairs = [self._pair(given.rows, places) for places in steps_of(given) if len(places)]
        if not pairs:
            return 0.0
        loss = self.own.train(net, pairs)
        return float("nan") if loss is None else float(loss)

    def _pair(self, rows: Rows, places: Any) -> tuple[torch.Tensor, torch.Tensor]:
        kind = torch.long if self.task.labels else torch.float32
        return torch.tensor(floats_of(rows.x[places])), torch.tensor(np.asarray(rows.y)[places]).to(kind)

    def _outputs(self, net: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        outputs = self.own.predict(net, x) if hasattr(self.own, "predict") else self._plainly(net(x))
        shape = (len(x), len(self.task.labels)) if self.task.labels else (len(x),)
        if tuple(outputs.shape) != shape:
            needed = "a probability for each label" if self.task.labels else "one number for each row"
            raise BadLearner(
                f"{self.name} says {tuple(outputs.shape)} of {len(x)} rows, not {shape}: {needed}"
            )
        return outputs.to(torch.float32)

    def _plainly(self, out: torch.Tensor) -> torch.Tensor:
        """A network's outputs as predictions; one output for two labels is the second one's log odds."""
        if not self.task.labels:
            return out.reshape(-1)
        if len(self.task.labels) == 2 and out.numel() == len(out):
            chance = torch.sigmoid(out.reshape(-1))
            return torch.stack([1 - chance, chance], dim=1)
        return torch.softmax(out, dim=-1)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Chance that follows from this seed, and leaves the rest of the process its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def model_of(net: torch.nn.Module) -> Model:
    """The floating-point part of the state dict, in its order."""
    parts = net.state_dict().items()
    return {name: part.to(torch.float32).numpy().copy() for name, part in parts if part.is_floating_point()}


def whole_of(net: torch.nn.Module) -> dict[str, Any]:
    """The rest of the state dict: counts and marks, which have no mean."""
    parts = net.state_dict().items()
    return {name: part.numpy().copy() for name, part in parts if not part.is_floating_point()}


def _batch(rows: Rows, places: Any) -> Batch:
    subject = None if rows.subject is None else np.asarray(rows.subject)[places]
    mask: Any = np.ones(len(places), np.float32)
    x: Any = floats_of(rows.x[places])
    return Batch(x, np.asarray(rows.y)[places], mask, subject)
