"""The fast runner: one compiled program per device, a loop over that device's members inside.

Vectorising over members would change a member's last bits with the company it is in; a loop does not. Sums of
models accumulate as they come, so that only one member's model is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .batches import ROWS, STEPS, bucket
from .cohort import PROGRAMS, Cohort, CohortResult, Runner, Work, shapes_of
from .devices import blank, devices
from .fixed_point import FixedPoint, Words
from .learner import Array, Batches, Gradient, Learner, Model, Rows, Trained, model_of

AXIS = "device"
SHARED, DIVIDED = PartitionSpec(), PartitionSpec(AXIS)


@dataclass(frozen=True, eq=False)
class Placed:
    """A cohort's rows on devices: each device holds whole members, neighbours together."""

    rows: Rows  # [devices, rows, ...]
    bounds: tuple[int, ...]  # the members of device d are bounds[d] to bounds[d + 1] - 1
    starts: tuple[int, ...]  # where each member's rows begin on its device


@dataclass(frozen=True)
class ProgramSpec:
    """What a program is compiled for, besides shapes."""

    learner: Learner
    gradient: Gradient | None
    shapes: tuple[tuple[str, tuple[int, ...]], ...]  # of a model, by name
    alike: bool  # all start from one model
    fresh: bool  # nobody remembers anything yet
    models: bool
    total: bool
    form: FixedPoint
    careful: bool = False  # find out which member's model is unfit, where the quick look saw one


class Share(NamedTuple):
    """What one device is given: its members' places in arrays that may be longer."""

    members: Any  # how many there are
    start: Any  # one model, or a row for each
    memory: Any
    index: Any
    steps: Any
    keys: Any
    weights: Any


class DeviceResult(NamedTuple):
    """What one device gives back."""

    models: Any  # [members, numbers], or () where not wanted
    total: Any  # by name, signed 64-bit
    unfit: Any  # by name, the places at which some member's value cannot be added
    fit: Any  # whether each member's model could be added
    memory: Any
    loss: Any


def scan(over: Sequence[jax.Device] | None = None) -> Runner:
    """The runner that divides a cohort over these devices; over all there are where none are named."""
    mesh = Mesh(np.array(over or devices()), (AXIS,))
    kept: WeakKeyDictionary[Cohort, Placed] = WeakKeyDictionary()

    def run(work: Work) -> CohortResult:
        if not work.learner.traced:
            raise TypeError(f"learner {work.learner.name} is not made of JAX functions: use another runner")
        if work.cohort not in kept:
            kept[work.cohort] = place(work.cohort, mesh)
        sizes = sorted({order.shape[1] for order in work.orders})
        return _together(work, [_run(work, kept[work.cohort], mesh, size) for size in sizes])

    return run


def place(cohort: Cohort, mesh: Mesh) -> Placed:
    """Divide members over devices, rows evenly, neighbours together, and send the rows there."""
    counts, number = np.array(cohort.counts, np.int64), mesh.devices.size
    ends = np.cumsum(counts)
    # A member in whose middle a device's share would end goes to the side on which most of its rows lie.
    inner = np.searchsorted(ends - counts / 2, counts.sum() * np.arange(1, number) / number)
    bounds = (0, *(int(place) for place in inner), len(counts))
    spans = list(pairwise(bounds))
    starts = np.concatenate([ends[a:b] - counts[a:b] - (ends[a - 1] if a else 0) for a, b in spans])
    most = bucket(max(int(counts[a:b].sum()) for a, b in spans), ROWS)

    def laid(field: str) -> Any:
        parts = [getattr(member, field) for member in cohort.members]
        if parts[0] is None:
            return None
        example = np.asarray(parts[0])
        array = np.zeros((number, most, *example.shape[1:]), example.dtype)
        for device, (first, last) in zip(array, spans, strict=True):
            for member in range(first, last):
                device[starts[member] : starts[member] + counts[member]] = parts[member]
        return jax.device_put(array, NamedSharding(mesh, DIVIDED))

    return Placed(Rows(*(laid(field) for field in Rows._fields)), bounds, tuple(int(n) for n in starts))


def _run(work: Work, placed: Placed, mesh: Mesh, size: int) -> tuple[list[list[int]], DeviceResult]:
    """Train those members whose batches have this size: their numbers by device, and what was found there."""
    spans = pairwise(placed.bounds)
    chosen = [[m for m in range(a, b) if work.orders[m].shape[1] == size] for a, b in spans]
    longest = bucket(max(map(len, chosen)))
    steps = bucket(max(len(work.orders[m]) for members in chosen for m in members), STEPS)
    shares = [_share(work, placed, members, longest, steps, size) for members in chosen]
    given = jax.tree.map(lambda *parts: np.stack(parts), *shares)
    spec = ProgramSpec(
        learner=work.learner,
        gradient=work.gradient,
        shapes=tuple((name, tuple(work.like[name].shape)) for name in sorted(work.like)),
        alike=isinstance(work.start, dict),
        fresh=work.memory is None,
        models=work.models,
        total=work.total,
        form=work.form,
    )
    call = (work.start if spec.alike else given.start, placed.rows, given._replace(start=()))
    result = _program(spec, mesh, shapes_of(call))(*call)
    if not np.asarray(result.fit).all():
        result = _program(replace(spec, careful=True), mesh, shapes_of(call))(*call)
    return chosen, result


def _share(work: Work, placed: Placed, members: list[int], longest: int, steps: int, size: int) -> Share:
    lengths = np.array([len(work.orders[m]) for m in members], np.int32)
    index = np.full((longest, steps, size), -1, np.int32)
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length)
        orders = np.stack([work.orders[members[place]] for place in places])
        starts = np.array([placed.starts[members[place]] for place in places])[:, None, None]
        index[places, :length] = np.where(orders < 0, -1, orders + starts)

    def laid(parts: Any, like: Any) -> Any:
        array = np.zeros((longest, *np.shape(like)), np.asarray(like).dtype)
        if len(parts):
            array[: len(parts)] = parts
        return array

    start: Any = ()
    if not isinstance(work.start, dict):
        start = laid(np.asarray(work.start)[members], work.start[0])
    memory: Any = ()
    if work.memory is not None:
        memory = jax.tree.map(
            lambda *parts: laid(parts[1:], parts[0]), work.memory[0], *(work.memory[m] for m in members)
        )
    return Share(
        members=np.int32(len(members)),
        start=start,
        memory=memory,
        index=index,
        steps=laid(lengths, np.int32(0)),
        keys=laid([work.keys[m] for m in members], np.zeros(2, np.uint32)),
        weights=laid([work.shares[m] for m in members], np.uint32(0)),
    )


@lru_cache(PROGRAMS)
def _program(
    spec: ProgramSpec, mesh: Mesh, shapes: tuple[Any, ...]
) -> Callable[[Any, Rows, Share], DeviceResult]:
    """Every device's loop over its members, compiled as one program."""

    def on_device(start: Any, rows: Rows, share: Share) -> DeviceResult:
        rows, share = jax.tree.map(lambda part: part[0], (rows, share))
        result = _members_loop(spec, start if spec.alike else start[0], rows, share)
        return DeviceResult(*jax.tree.map(lambda part: part[None], result))

    first = SHARED if spec.alike else DIVIDED
    divided = jax.shard_map(
        on_device, mesh=mesh, in_specs=(first, DIVIDED, DIVIDED), out_specs=DIVIDED, check_vma=False
    )
    return jax.jit(divided)


def _members_loop(spec: ProgramSpec, start: Any, rows: Rows, share: Share) -> DeviceResult:
    like = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in spec.shapes}
    places = share.index.shape[0]

    def member(number: Array, result: DeviceResult) -> DeviceResult:
        # Learners stay in 32 bits; only the sums are made of 64.
        with jax.enable_x64(False):
            model = start if spec.alike else model_of(start[number], like)
            done = _train(spec, model, rows, share, number)
            result = result._replace(
                models=_written(result.models, done.model, number) if spec.models else (),
                memory=jax.tree.map(lambda all_, part: all_.at[number].set(part), result.memory, done.memory),
                loss=result.loss.at[number].set(done.metrics["loss"]),
            )
            if not spec.total:
                return result
            fit = jnp.array(True)
            if spec.careful:
                highest = jnp.array([jnp.max(jnp.abs(part)) for part in done.model.values()])
                fit = jnp.all(highest <= spec.form.bound)
                result = result._replace(fit=result.fit.at[number].set(fit))
        return _added(spec.form, result, done.model, share.weights[number], fit)

    with jax.enable_x64(False):
        shapes = jax.eval_shape(spec.learner.remember, like)
        summed = like if spec.total else {}
        result = DeviceResult(
            models=jnp.zeros((places, sum(part.size for part in like.values()))) if spec.models else (),
            total={name: jnp.zeros(part.shape, jnp.int32) for name, part in summed.items()},
            unfit={name: jnp.zeros(part.shape, bool) for name, part in summed.items()},
            fit=jnp.ones(places, bool),
            memory=jax.tree.map(lambda part: jnp.zeros((places, *part.shape), part.dtype), shapes),
            loss=jnp.zeros(places),
        )
    with jax.enable_x64(True):
        result = result._replace(total={name: part.astype(jnp.int64) for name, part in result.total.items()})
        result = DeviceResult(*jax.lax.fori_loop(jnp.int32(0), share.members, member, result))
    if spec.total and not spec.careful:
        # A reduction for each member would cost more than its sum; who it was is asked only if need be.
        seen = jnp.array([jnp.any(part) for part in result.unfit.values()])
        result = result._replace(fit=result.fit & ~jnp.any(seen))
    return result._replace(unfit=())


def _train(spec: ProgramSpec, model: Model, rows: Rows, share: Share, number: Array) -> Trained:
    learner = spec.learner
    kept = jax.tree.map(lambda part: part[number], share.memory)
    memory = learner.remember(model) if spec.fresh else kept
    given = Batches(rows, share.index[number], share.steps[number], jnp.int32(0))
    return learner.train(model, memory, given, jax.random.wrap_key_data(share.keys[number]), spec.gradient)


def _written(models: Array, model: Model, number: Array) -> Array:
    """All models with one written into its row."""
    start = 0
    for name in sorted(model):
        models = jax.lax.dynamic_update_slice(models, model[name].reshape(1, -1), (number, jnp.int32(start)))
        start += model[name].size
    return models


def _added(form: FixedPoint, result: DeviceResult, model: Model, weight: Array, fit: Array) -> DeviceResult:
    """`fixed_point.encode` of a model, added up; what is not fit adds nothing."""
    total, unfit = {}, {}
    with jax.enable_x64(True):
        times = jnp.where(fit, weight.astype(jnp.int64), 0)
        for name, part in model.items():
            scaled = jnp.rint(part * jnp.float32(2.0**form.bits)).astype(jnp.int64)
            total[name] = result.total[name] + scaled * times
            unfit[name] = result.unfit[name] | ~(jnp.abs(part) <= form.bound)
    return result._replace(total=total, unfit=unfit)


def _together(work: Work, parts: list[tuple[list[list[int]], DeviceResult]]) -> CohortResult:
    """What the programs found, back in the members' order and on the host."""
    size = len(work.orders)
    loss, fit = np.zeros(size, np.float32), np.ones(size, bool)
    memory: list[Any] = [()] * size
    total: Words | None = None
    stacked: list[Any] = []
    for chosen, result in parts:
        for device, members in enumerate(chosen):
            own = jax.tree.map(lambda part, d=device: np.asarray(part.addressable_shards[d].data)[0], result)
            loss[members], fit[members] = own.loss[: len(members)], own.fit[: len(members)]
            bare = not jax.tree.leaves(own.memory)
            for place, m in enumerate(members):
                memory[m] = own.memory if bare else jax.tree.map(lambda part, i=place: part[i], own.memory)
            if work.models:
                stacked.append((members, own.models[: len(members)]))
            if work.total:
                sums = np.concatenate([own.total[name].ravel() for name in sorted(own.total)])
                total = sums.view(np.uint64) if total is None else total + sums.view(np.uint64)
    models = None
    if work.models:
        models = blank(size, stacked[0][1].shape[1])
        for members, rows in stacked:
            models[members] = rows
    unfit = tuple(int(m) for m in np.flatnonzero(~fit))
    weight = sum(share for share, sound in zip(work.shares, fit, strict=True) if sound)
    kept = None if total is None else total.astype(work.form.dtype)
    return CohortResult(work.like, models, kept, weight, unfit, tuple(memory), loss, work.form)
