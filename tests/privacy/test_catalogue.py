"""The battery that every mechanism goes through; a mechanism that is not in the table is found."""

import inspect
import pkgutil
from importlib import import_module

import numpy as np
import pytest

from tallystick import privacy
from tallystick.base.events import Unaccounted, checked
from tallystick.privacy.accounting import total
from tallystick.privacy.catalogue import MECHANISMS, MechanismEntry
from tallystick.privacy.mechanisms import Mechanism
from tallystick.privacy.randomness import seeded

BOUNDED_BEFORE = ("counts", "counts_gaussian", "dp_sgd", "hop")  # what these take was clipped already


def inputs(entry: MechanismEntry, seed: int = 0) -> list[np.ndarray]:
    """Arrays of the shapes that the table names."""
    rng = np.random.default_rng(seed)
    return [
        rng.integers(0, 4, shape) if place in entry.whole else rng.normal(size=shape)
        for place, shape in enumerate(entry.takes)
    ]


def test_the_table_is_complete() -> None:
    """Every public function of `privacy` that returns a mechanism has a row, and only one."""
    found = set()
    for module in pkgutil.iter_modules(privacy.__path__):
        one = import_module(f"tallystick.privacy.{module.name}")
        for name, function in inspect.getmembers(one, inspect.isfunction):
            if not name.startswith("_") and inspect.signature(function).return_annotation is Mechanism:
                found.add(function)

    assert found == {entry.make for entry in MECHANISMS}
    assert len(found) == len(MECHANISMS)


@pytest.mark.parametrize("entry", MECHANISMS, ids=lambda entry: entry.name)
class TestMechanism:
    """One row, one battery."""

    def test_names_an_event_within_limits(self, entry: MechanismEntry) -> None:
        """An epsilon where there is a guarantee, a sentence where there is none."""
        event = entry.example().event
        assert checked(event) == event
        assert entry.formal == (not isinstance(event, Unaccounted)) == bool(entry.protects)
        for protects in entry.protects:
            assert 0 < total([event], 1e-5, protects).epsilon < np.inf
        assert entry.make.__doc__

    def test_words_decide_everything(self, entry: MechanismEntry) -> None:
        """The same words give the same release; without any, no two are alike."""
        apply, _ = entry.example()
        given = inputs(entry)

        assert np.array_equal(apply(*given, seeded("a")), apply(*given, words=seeded("a")))
        assert not np.array_equal(apply(*given, seeded("a")), apply(*given, seeded("b")))
        assert not np.array_equal(apply(*given), apply(*given))

    def test_releases_doubles_and_leaves_its_input_alone(self, entry: MechanismEntry) -> None:
        """Finite numbers of the plain kind."""
        given = inputs(entry)
        kept = [array.copy() for array in given]
        out = entry.example().apply(*given)

        assert out.dtype == np.float64 and np.isfinite(out).all()
        assert all(np.array_equal(a, b) for a, b in zip(given, kept, strict=True))

    def test_refuses_what_is_not_a_number(self, entry: MechanismEntry) -> None:
        """NaN and infinity bound nothing."""
        for bad in (np.nan, np.inf):
            given = [np.array(array, dtype=float) for array in inputs(entry)]
            given[-1].flat[3] = bad
            given = [a.astype(int) if p in entry.whole[: len(given) - 1] else a for p, a in enumerate(given)]
            with pytest.raises((ValueError, TypeError)):
                entry.example().apply(*given)


CLIPPING = [entry for entry in MECHANISMS if entry.formal and entry.make.__name__ not in BOUNDED_BEFORE]


@pytest.mark.parametrize("entry", CLIPPING, ids=lambda entry: entry.name)
def test_what_is_huge_moves_the_release_by_what_is_allowed_to_each_row(entry: MechanismEntry) -> None:
    """The same noise over values 10^12 times as large: each row moves by twice its bound at most."""
    given = inputs(entry)
    large = [array if place in entry.whole else array * 1e12 for place, array in enumerate(given)]
    apply = entry.example().apply
    rows = max(shape[0] for shape in entry.takes) if len(entry.takes[0]) > 1 or entry.whole else 1

    assert np.abs(apply(*large, seeded(1)) - apply(*given, seeded(1))).max() <= 2 * rows
