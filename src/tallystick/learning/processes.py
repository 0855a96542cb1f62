"""The runner for learners that need a process of their own: workers that each build their learner."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from .batches import batches
from .cohort import CohortResult, Runner, Work, gather, train
from .learner import Batches, Gradient, Learner, Memory, Trained

_built: list[Learner] = []


@contextmanager
def process(build: Callable[[], Learner], workers: int = 2) -> Iterator[Runner]:
    """A runner over worker processes that live as long as the `with` block.

    `build` is importable by name, such as `functools.partial(mlp, 64)`: learners hold functions and do not
    travel between processes, models and rows do.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_prepare, initargs=(build,)) as pool:

        def run(work: Work) -> CohortResult:
            _ensure_travels(work.gradient)
            futures = []
            for number, order in enumerate(work.orders):
                given = batches(work.cohort.members[number], order)
                start, memory = work.start_of(number), work.memory_of(number)
                futures.append(pool.submit(_one, start, memory, given, work.keys[number], work.gradient))
            return gather(work, (future.result() for future in futures))

        yield run


def _prepare(build: Callable[[], Learner]) -> None:
    _built.append(build())


def _one(model: Any, memory: Memory, given: Batches, key: Any, gradient: Gradient | None) -> Trained:
    return train(_built[0], model, memory, given, key, gradient)


def _ensure_travels(gradient: Gradient | None) -> None:
    try:
        pickle.dumps(gradient)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(f"this gradient hook cannot be sent to another process: {error}") from None
