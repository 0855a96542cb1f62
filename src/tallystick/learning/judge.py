"""Members judge models: values of many models on many members' judging rows, each pair to the same bits.

A value never depends on who else judges or is judged. Rows are padded to a size that follows from that
judge's alone. Judges with few rows share a pass of a compiled loop, since products of so few rows would leave
most of the machine idle; a pass is always as long, also where fewer share it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh, NamedSharding

from ..base.measure import Measure
from .batches import bucket
from .cohort import PROGRAMS, Cohort, Stack, shapes_of
from .devices import blank, devices
from .learner import Array, Learner, Model, model_of
from .measure import value_of
from .scan import AXIS, DIVIDED, SHARED

LEAST = 16  # rows for which a program is compiled
PASS = 256  # rows of small judges that are predicted at once
AT_A_TIME = 64  # models on each device
FEWEST = 200  # judging rows; a member with fewer abstains, unpunished

Values: TypeAlias = npt.NDArray[np.float32]  # [models, judges, measures]; NaN where nobody judged


@dataclass(frozen=True, eq=False)
class Judging:
    """Who judges which models by what."""

    learner: Learner
    models: Stack | tuple[Model, ...]
    like: Model
    judges: Cohort  # members by their judging rows
    measures: tuple[Measure, ...]
    pairs: npt.NDArray[np.bool_] | None = None  # [models, judges]; every pair where None

    @property
    def asked(self) -> npt.NDArray[np.bool_]:
        """Which pairs are asked for."""
        size = (len(self.models), len(self.judges.members))
        pairs = np.ones(size, bool) if self.pairs is None else self.pairs
        if pairs.shape != size:
            raise ValueError(
                f"{size[0]} models and {size[1]} judges need pairs of that shape, not {pairs.shape}"
            )
        return pairs


Judge: TypeAlias = Callable[[Judging], Values]


class Lot(NamedTuple):
    """What one device is given: some models and the numbers of their judges."""

    count: Any
    models: Any  # [models, numbers]
    judges: Any  # [models, judges]
    several: Any  # how many judges each model has


def judge_one_by_one(judging: Judging) -> Values:
    """The plain way: the learner's own `evaluate`, pair by pair."""
    asked = judging.asked
    values = np.full((*asked.shape, len(judging.measures)), np.nan, np.float32)
    for model, judge in np.argwhere(asked):
        rows = judging.judges.members[judge]
        if not len(rows.y):
            continue
        given = judging.models[model]
        given = given if isinstance(given, dict) else model_of(given, judging.like)
        values[model, judge] = [
            judging.learner.evaluate(given, rows, measure) for measure in judging.measures
        ]
    return values


def judging(over: Sequence[jax.Device] | None = None) -> Judge:
    """The fast way: models divided over devices, a compiled loop over each one's judges."""
    mesh = Mesh(np.array(over or devices()), (AXIS,))
    kept: WeakKeyDictionary[Cohort, dict[int, tuple[npt.NDArray[np.int64], Any]]] = WeakKeyDictionary()

    def judge(given: Judging) -> Values:
        if not given.learner.traced:
            return judge_one_by_one(given)
        if given.judges not in kept:
            kept[given.judges] = _placed(given.judges, mesh)
        asked = given.asked
        values = np.full((*asked.shape, len(given.measures)), np.nan, np.float32)
        for numbers, rows in kept[given.judges].values():
            _judge_lots(given, asked, numbers, rows, mesh, values)
        return values

    return judge


def enough(judges: Cohort, least: int = FEWEST) -> npt.NDArray[np.bool_]:
    """Who has enough judging rows to judge; the others abstain."""
    return np.array(judges.counts) >= least


def drawn_judges(models: int, judges: Sequence[int], several: int, seed: int) -> npt.NDArray[np.bool_]:
    """Pairs in which each member's model has this many judges, drawn evenly, never the member itself.

    Models and judges are members by number. Judges stand in a drawn circle and serve the models before them,
    so that nobody judges more than another. (The ledger draws its own judges; this is for simulations.)
    """
    if several >= len(judges):
        raise ValueError(f"{len(judges)} judges cannot give each model {several} others")
    chance = np.random.Generator(np.random.Philox(seed))
    circle = np.array(judges)[chance.permutation(len(judges))]
    places = {int(judge): place for place, judge in enumerate(circle)}
    pairs = np.zeros((models, max(max(judges) + 1, models)), bool)
    outsiders = iter(range(models))
    for model in range(models):
        place = places.get(model)
        start = next(outsiders) * several if place is None else place + 1
        pairs[model, circle[(start + np.arange(several)) % len(circle)]] = True
    return pairs


def _placed(judges: Cohort, mesh: Mesh) -> dict[int, tuple[npt.NDArray[np.int64], Any]]:
    """Judges' rows on every device, those of one padded size together; who has no rows is left out."""
    sizes = np.array([bucket(count, LEAST) if count else 0 for count in judges.counts])
    groups = {}
    for size in sorted({int(size) for size in sizes if size}):
        numbers = np.flatnonzero(sizes == size)
        members = [judges.members[number] for number in numbers]
        arrays = []
        for field in ("x", "y"):
            example = np.asarray(getattr(members[0], field))
            array = np.zeros((len(members), size, *example.shape[1:]), example.dtype)
            for place, member in zip(array, members, strict=True):
                place[: len(member.y)] = getattr(member, field)
            arrays.append(array)
        counts = np.array([len(member.y) for member in members], np.int32)
        groups[size] = numbers, jax.device_put((*arrays, counts), NamedSharding(mesh, SHARED))
    return groups


def _judge_lots(
    given: Judging,
    asked: npt.NDArray[np.bool_],
    numbers: npt.NDArray[np.int64],
    rows: Any,
    mesh: Mesh,
    values: Values,
) -> None:
    """Judge by those judges whose rows are of one size, some models at a time, and write their values."""
    pairs = asked[:, numbers]
    judged = np.flatnonzero(pairs.any(axis=1))
    together = max(1, PASS // rows[1].shape[1])
    most = together * bucket(-(-int(pairs.sum(axis=1).max(initial=0)) // together))
    number = mesh.devices.size
    shapes = tuple((name, tuple(given.like[name].shape)) for name in sorted(given.like))
    for first in range(0, len(judged), AT_A_TIME * number):
        lots = np.array_split(judged[first : first + AT_A_TIME * number], number)
        places = bucket(len(lots[0]))
        judges, several = np.zeros((number, places, most), np.int32), np.zeros((number, places), np.int32)
        for device, lot in enumerate(lots):
            for place, model in enumerate(lot):
                chosen = np.flatnonzero(pairs[model])
                judges[device, place, : len(chosen)], several[device, place] = chosen, len(chosen)
        counts = np.array([len(lot) for lot in lots], np.int32)
        call = (Lot(counts, _laid(given.models, lots, places), judges, several), rows)
        measured = np.asarray(_program(given.learner, given.measures, shapes, mesh, shapes_of(call))(*call))
        for device, lot in enumerate(lots):
            for place, model in enumerate(lot):
                last = several[device, place]
                values[model, numbers[judges[device, place, :last]]] = measured[device, place, :last]


def _laid(models: Any, lots: Sequence[npt.NDArray[np.int64]], places: int) -> Stack:
    """Each device's models, [devices, places, numbers]: neighbours where they lie, others in a copy."""
    first, last = int(lots[0][0]), int(lots[-1][-1]) if len(lots[-1]) else -1
    size = models[0].shape[0]
    if isinstance(models, np.ndarray) and last - first + 1 == len(lots) * places == sum(map(len, lots)):
        return models[first : last + 1].reshape(len(lots), places, size)
    laid = blank(len(lots), places, size)
    for device, lot in zip(laid, lots, strict=True):
        for place, model in zip(device, lot, strict=False):
            place[:] = models[model]
    return laid


@lru_cache(PROGRAMS)
def _program(
    learner: Learner,
    measures: tuple[Measure, ...],
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    mesh: Mesh,
    sizes: tuple[Any, ...],
) -> Callable[[Lot, Any], Array]:
    """Every device's loop over its models and their judges, compiled as one program."""
    like = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in shapes}

    def on_device(lot: Lot, rows: Any) -> Array:
        lot = jax.tree.map(lambda part: part[0], lot)
        x, y, counts = rows
        size = y.shape[1]
        together = max(1, PASS // size)

        def value(predictions: Array, y: Array, count: Array) -> Array:
            mask = (jnp.arange(size) < count).astype(jnp.float32)
            return jnp.stack([value_of(measure, predictions, y, mask) for measure in measures])

        def model_loop(place: Array, values: Array) -> Any:
            model = model_of(lot.models[place], like)

            def judge_loop(number: Array, values: Array) -> Any:
                first = number * together
                some = jax.lax.dynamic_slice(lot.judges, (place, first), (1, together))[0]
                # One by one: that is a copy of memory, where a gather would go row by row.
                taken = jnp.concatenate([x[row] for row in some])
                predictions = learner.predict(model, taken)
                grouped = predictions.reshape(together, size, *predictions.shape[1:])
                measured = jax.vmap(value)(grouped, y[some], counts[some])
                return jax.lax.dynamic_update_slice(values, measured[None], (place, first, 0))

            passes = (lot.several[place] + together - 1) // together
            return jax.lax.fori_loop(0, passes, judge_loop, values)

        values = jnp.full((*lot.judges.shape, len(measures)), jnp.nan, jnp.float32)
        done: Array = jax.lax.fori_loop(0, lot.count, model_loop, values)
        return done[None]

    divided = jax.shard_map(
        on_device, mesh=mesh, in_specs=(DIVIDED, SHARED), out_specs=DIVIDED, check_vma=False
    )
    return jax.jit(divided)
