"""Every mechanism by name, with what it protects in respect of what: one row buys a conformance battery."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base.events import Protects, Unaccounted
from . import mechanisms, printed, scores, training, trees
from .mechanisms import Mechanism


@dataclass(frozen=True)
class MechanismEntry:
    """A mechanism, settings to try it with, and shapes of what it takes."""

    make: Callable[..., Mechanism]
    says: str  # what is private, in respect of what
    protects: tuple[Protects, ...]  # whichever was clipped together
    settings: Mapping[str, float]
    takes: tuple[tuple[int, ...], ...] = ((50,),)
    whole: tuple[int, ...] = field(default=())  # which of the inputs hold whole numbers below 4

    @property
    def name(self) -> str:
        """The name of its function."""
        return self.make.__name__

    @property
    def formal(self) -> bool:
        """Whether it comes with a guarantee."""
        return not isinstance(self.example().event, Unaccounted)

    def example(self) -> Mechanism:
        """The mechanism with the settings of the table."""
        settings: dict[str, Any] = dict(self.settings)
        return self.make(**settings)


_ANY: tuple[Protects, ...] = ("record", "subject", "member")
_GAUSS = {"bound": 1.0, "sigma_milli": 1000}
_PURE = {"bound": 1.0, "epsilon_nano": 10**9}

MECHANISMS: tuple[MechanismEntry, ...] = (
    MechanismEntry(mechanisms.gaussian, "a clipped vector: presence of whoever it comes from", _ANY, _GAUSS),
    MechanismEntry(
        mechanisms.laplace, "a few clipped numbers: presence of whoever they come from", _ANY, _PURE
    ),
    MechanismEntry(
        mechanisms.member_update, "a member's update: everything about its data", ("member",), _PURE
    ),
    MechanismEntry(
        mechanisms.perturbed_vectors, "each row, before anybody sees it", ("record",), _PURE, ((9, 5),)
    ),
    MechanismEntry(
        mechanisms.perturbed_vectors_gaussian,
        "each row, before anybody sees it",
        ("record",),
        _GAUSS,
        ((9, 5),),
    ),
    MechanismEntry(
        mechanisms.counts,
        "counts: one row, or a subject's rows",
        _ANY,
        {"sensitivity": 1, "epsilon_nano": 10**9},
        whole=(0,),
    ),
    MechanismEntry(
        mechanisms.counts_gaussian,
        "counts: one row, or a subject's rows",
        _ANY,
        {"sensitivity": 1, "sigma_milli": 1000},
        whole=(0,),
    ),
    MechanismEntry(
        training.dp_sgd,
        "training: a row (or a subject's rows, clipped together) of a Poisson sample",
        ("record", "subject"),
        {"clip": 1.0, "rate_nano": 10**7, "sigma_milli": 1000, "steps": 10},
    ),
    MechanismEntry(
        training.hop,
        "a relay's hop: a row (or a subject's rows) of the holder",
        ("record", "subject"),
        {"clip": 1.0, "sigma_milli": 1000},
    ),
    MechanismEntry(
        scores.scores,
        "published figures: one judging row",
        ("record",),
        {"low": 0.0, "high": 1.0, "epsilon_nano": 10**9, "models": 5},
        ((30, 5),),
    ),
    MechanismEntry(
        scores.scores_gaussian,
        "published figures: one judging row",
        ("record",),
        {"low": 0.0, "high": 1.0, "sigma_milli": 1000, "models": 5},
        ((30, 5),),
    ),
    MechanismEntry(
        trees.leaf_sums,
        "leaf values of a tree whose splits do not depend on private rows: a training row",
        ("record",),
        {"clip": 1.0, "leaves": 4, "epsilon_nano": 10**9},
        ((40,), (40,)),
        whole=(0,),
    ),
    MechanismEntry(
        trees.histogram,
        "whatever is built from the histograms alone: a training row",
        ("record",),
        {"clip": 1.0, "bins": 4, "features": 3, "sigma_milli": 1000},
        ((40, 3), (40,)),
        whole=(0,),
    ),
    MechanismEntry(printed.relay_as_printed, "nothing: noise without a bound", (), {"epsilon": 20.0}),
    MechanismEntry(
        printed.mutual_as_printed,
        "nothing: noise for another norm",
        (),
        {"clip": 1.0, "epsilon": 10.0},
        ((9, 5),),
    ),
    MechanismEntry(printed.boosting_as_printed, "nothing: noise without a bound", (), {"epsilon": 10.0}),
)
