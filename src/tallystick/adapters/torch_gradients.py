"""What a PyTorch learner shows a gradient hook: the mean's gradient, and single rows' gradients, clipped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.func import functional_call, grad_and_value, vmap
from torch.nn.modules.batchnorm import _BatchNorm

from ..learning.learner import Batch, CannotClipPerExample, Loss, Model
from ..learning.models.network import MARGIN

Tensors: TypeAlias = dict[str, torch.Tensor]
OwnLoss: TypeAlias = Callable[[torch.nn.Module, torch.Tensor, torch.Tensor], torch.Tensor]


class _Lossy(torch.nn.Module):  # type: ignore[misc]
    """A network with its loss on top, so that one call maps parameters to a loss."""

    def __init__(self, net: torch.nn.Module, loss: OwnLoss) -> None:
        super().__init__()
        self.net, self.own = net, loss

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.own(self.net, x, y)


def shown(net: torch.nn.Module, loss: OwnLoss, name: str, labels: bool) -> Loss:
    """The losses of this network for a hook; refused where a layer mixes the rows of a batch."""
    mixing = [place for place, part in net.named_modules() if isinstance(part, _BatchNorm)]
    if mixing:
        raise CannotClipPerExample(
            f"learner {name}: the batch normalisation {mixing[0]!r} mixes rows, so none has a gradient of "
            "its own; use torch.nn.GroupNorm or LayerNorm, or clip and noise the whole update"
        )
    lossy = _Lossy(net, loss)

    def value(given: Tensors, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional_call(lossy, {f"net.{key}": part for key, part in given.items()}, (x, y))

    def of_row(given: Tensors, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return value(given, x[None], y[None])

    by_row = vmap(grad_and_value(of_row), in_dims=(None, 0, 0), randomness="different")

    def mean(model: Model, batch: Batch) -> tuple[Any, Model]:
        given, (x, y) = _tensors(model), _rows(batch, labels)
        if not len(x):
            return np.float32(0), {key: np.zeros_like(part) for key, part in model.items()}
        slope, lost = grad_and_value(value)(given, x, y)
        return np.float32(lost), {key: part.numpy() for key, part in slope.items()}

    def clipped_sum(model: Model, batch: Batch, clip: float) -> tuple[Any, Model]:
        given, (x, y) = _tensors(model), _rows(batch, labels)
        if not len(x):
            return np.float32(0), {key: np.zeros_like(part) for key, part in model.items()}
        try:
            slopes, lost = by_row(given, x, y)
        except RuntimeError as error:
            raise CannotClipPerExample(
                f"learner {name} shows no gradients of single rows: {error}"
            ) from error
        return np.float32(lost.mean()), _clipped(slopes, batch.subject, clip)

    return Loss(mean, clipped_sum)


def _clipped(slopes: Tensors, subject: Any, clip: float) -> Model:
    """Σ g·min(1, clip/‖g‖) over rows, or over subjects; a gradient that is not finite adds nothing."""
    if subject is not None:
        people, whose = np.unique(np.asarray(subject), return_inverse=True)
        place = torch.tensor(whose)
        slopes = {
            key: torch.zeros(len(people), *part.shape[1:]).index_add_(0, place, part)
            for key, part in slopes.items()
        }
    flat = {key: part.reshape(len(part), -1) for key, part in slopes.items()}
    norms = torch.stack([(part**2).sum(dim=1) for part in flat.values()]).sum(dim=0).sqrt()
    fit = torch.isfinite(norms)
    scale = torch.where(fit, clip / torch.clamp(norms * MARGIN, min=clip), 0.0)
    sums = {key: scale @ torch.where(fit[:, None], part, 0.0) for key, part in flat.items()}
    return {key: part.reshape(slopes[key].shape[1:]).numpy() for key, part in sums.items()}


def parameters_of(net: torch.nn.Module) -> Model:
    """The parameters that are trained, without a copy."""
    return {name: part.detach().numpy() for name, part in net.named_parameters() if part.requires_grad}


def _tensors(model: Model) -> Tensors:
    return {key: torch.as_tensor(np.asarray(part)) for key, part in model.items()}


def _rows(batch: Batch, labels: bool) -> tuple[torch.Tensor, torch.Tensor]:
    real = np.flatnonzero(np.asarray(batch.mask) > 0)
    x, y = torch.tensor(np.asarray(batch.x)[real]), torch.tensor(np.asarray(batch.y)[real])
    return x, y.to(torch.long if labels else torch.float32)


def remembered(optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """What an optimiser keeps of each parameter, as arrays: its momentum, its counts."""
    kept = {}
    for number, state in optimiser.state_dict()["state"].items():
        parts = {name: part for name, part in state.items() if isinstance(part, torch.Tensor | float | int)}
        kept[str(number)] = {
            name: part.detach().numpy().copy() if isinstance(part, torch.Tensor) else np.array(part)
            for name, part in parts.items()
        }
    return kept


def recall(optimiser: torch.optim.Optimizer, kept: dict[str, Any]) -> None:
    """Give an optimiser back what it kept."""
    if kept:
        groups = optimiser.state_dict()["param_groups"]
        state = {
            int(number): {name: torch.tensor(part) for name, part in parts.items()}
            for number, parts in kept.items()
        }
        optimiser.load_state_dict({"state": state, "param_groups": groups})
