"""A unit's description: read from TOML or JSON, options before it, and what a transaction needs of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallystick.cli.context import BadInput
from tallystick.cli.ledger.unit_file import UnitFile, read_unit_file, registration
from tests.cli.desk import ROOTS
from tests.cli.ledger.test_unit import DESCRIPTION

NEEDED = {
    "name": "pumps", "category": "wear", "kind": "table", "count": 10, "schema": bytes(32),
    "training_root": bytes(32), "judging_root": b"\x01" * 32,
}  # fmt: skip


def read(tmp_path: Path, text: str, name: str = "unit.toml") -> UnitFile:
    (tmp_path / name).write_text(text)
    return read_unit_file(tmp_path / name)


def test_numbers_are_exact_and_digests_are_bytes(tmp_path: Path) -> None:
    values = read(tmp_path, DESCRIPTION).values
    assert (values["epsilon"], values["delta"], values["latitude"]) == (10_500_000_000, 1_000_000, 51_500_000)
    assert values["schema"] == bytes.fromhex(ROOTS["schema"])
    assert values["purpose"] == ["maintenance"]


def test_json_says_the_same(tmp_path: Path) -> None:
    text = json.dumps({"name": "pumps", "profile": {"count": 3}, "budget": {"epsilon": 0.1}})
    assert read(tmp_path, text, "unit.json").values == {"name": "pumps", "count": 3, "epsilon": 100_000_000}


@pytest.mark.parametrize(
    "text, reason",
    [
        ("][", "neither TOML nor JSON"),
        ('colour = "red"', "does not know colour; it has name, address"),
        ('[profile]\ncolour = "red"', r"\[profile\] does not know colour"),
        ("profile = 3", r"\[profile\] is no table of names and values"),
        ('training_root = "zz"', "training_root: 'zz' is no digest"),
        ('[budget]\nepsilon = "much"', "epsilon: 'much' is not a number"),
        ("[profile]\ncount = true", "count: True is not a whole number"),
        ("[terms]\naudience = [1]", r"audience: \[1\] is not a list of texts"),
        ("[terms]\nreuse = 1", "reuse: 1 is not true or false"),
        ("name = 3", "name: 3 is not a text"),
    ],
)
def test_what_a_description_cannot_say(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        read(tmp_path, text)


def test_later_values_come_before_earlier_ones_and_nothing_says_nothing() -> None:
    given = UnitFile({"name": "a", "price": 5}).with_values({"name": "b", "price": None, "audience": ()})
    assert given.values == {"name": "b", "price": 5}


def test_a_transaction_of_a_description() -> None:
    body = registration(UnitFile({**NEEDED, "epsilon": 1, "delta": 2, "protects": "record"}), "unit-1")
    assert (body.name, body.profile.rows, body.version_of) == ("pumps", 10, "unit-1")
    assert body.budget is not None and body.budget.protects == "record"
    assert registration(UnitFile(NEEDED), "").budget is None


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_missing_is_said_with_its_option(name: str) -> None:
    values = {key: value for key, value in NEEDED.items() if key != name}
    with pytest.raises(
        BadInput, match=f"{name.replace('_', ' ')} is missing; say --{name.replace('_', '-')}"
    ):
        registration(UnitFile(values), "")


def test_half_a_budget_is_none() -> None:
    with pytest.raises(BadInput, match="delta, protects are missing"):
        registration(UnitFile({**NEEDED, "epsilon": 1}), "")
