"""How the table of robustness is made of its runs."""

from __future__ import annotations

import pytest

from experiments.robustness import table as robustness
from experiments.robustness.table import Cell, Table


class Always:
    """Progress that keeps nothing."""

    def __call__(self, text: str) -> None:
        pass

    def once(self, key: str, measure):
        return measure()


def test_the_strength_that_hurts_most_is_frozen(monkeypatch) -> None:
    def hurt(cell: Cell, seed: int, rows: int, rounds: int):
        return {"hold_out": abs(cell.strength - 3.0), "test": 0.0, "pay": cell.strength}

    monkeypatch.setattr(robustness, "played", hurt)
    assert robustness.tuned("mean", "sign-flip", Always(), 5) == 3.0
    assert robustness.tuned("mean", "copy", Always(), 5) == 1.0


def test_a_row_counts_the_worst_attack_beside_fedavg_without_attackers(monkeypatch) -> None:
    def end(cell: Cell, seed: int, rows: int | None, rounds: int):
        lost = {"": 0.0, "sign-flip": 0.1, "alie": 0.02 * seed, "copy": 0.9}[cell.attack]
        return {"hold_out": 0.9 - lost, "test": 0.9 - lost, "pay": 0.05}

    monkeypatch.setattr(robustness, "played", end)
    table = Table(("mean",), ("sign-flip", "alie", "copy"), ("iid",), (5,), (1, 2), 240, 20, 10)
    clean, worst, paid = table.measured(Always())

    assert (clean.value, worst.value) == (pytest.approx(0.9), pytest.approx(0.1))
    assert worst.note.startswith("worst: sign-flip") and "alie 0.0300" in worst.note
    assert "copy" not in worst.note
    assert paid.value == pytest.approx(0.5)
