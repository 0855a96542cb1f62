"""A unit as a person describes it, in TOML, JSON or options; and what its rows themselves say."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..command import digest_of, exact
from ..context import stop

if TYPE_CHECKING:
    from ...ledger.transactions import RegisterUnit

FIELDS = {
    "": (
        "name", "address", "training_root", "judging_root", "version_of", "derived_from", "cites",
    ),
    "profile": ("category", "kind", "count", "schema", "latitude", "longitude"),
    "terms": ("price", "audience", "purpose", "reuse", "unaccounted"),
    "budget": ("epsilon", "delta", "protects"),
}  # fmt: skip
NEEDED = ("name", "category", "kind", "count", "schema", "training_root", "judging_root")
EXACT = {"epsilon": 9, "delta": 12, "latitude": 6, "longitude": 6}
DIGESTS = ("schema", "training_root", "judging_root")
LISTS = ("audience", "purpose", "derived_from", "cites")
FLAGS = ("reuse", "unaccounted")
NUMBERS = ("count", "price")
KINDS: dict[str, type] = {
    **dict.fromkeys(LISTS, list),
    **dict.fromkeys(FLAGS, bool),
    **dict.fromkeys(NUMBERS, int),
}
KIND_NAMES = {list: "a list of texts", bool: "true or false", int: "a whole number", str: "a text"}
SKETCH = 1  # the version of an empty sketch


@dataclass(frozen=True)
class UnitFile:
    """What is known of a unit so far, by the names of the options."""

    values: Mapping[str, Any] = field(default_factory=dict)

    def with_values(self, more: Mapping[str, Any]) -> "UnitFile":
        """The same with what these say instead."""
        given = {name: value for name, value in more.items() if value not in (None, ())}
        return UnitFile({**self.values, **given})


def read_unit_file(file: Path) -> UnitFile:
    """The description in a TOML or JSON file: names at the top, and tables profile, terms and budget."""
    text = file.read_bytes()
    try:
        if file.suffix == ".json":
            written = json.loads(text, parse_float=Decimal)
        else:
            written = tomllib.loads(text.decode(), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        stop(f"{file} is neither TOML nor JSON: {error}")
    if not isinstance(written, dict):
        stop(f"{file} is no table of names and values")
    values: dict[str, Any] = {}
    for table, known in FIELDS.items():
        given = (
            {k: v for k, v in written.items() if k not in FIELDS} if table == "" else written.get(table, {})
        )
        place = f"{file}, [{table}]" if table else str(file)
        if not isinstance(given, dict):
            stop(f"{place} is no table of names and values")
        strange = sorted(set(given) - set(known))
        if strange:
            stop(f"{place} does not know {', '.join(strange)}; it has {', '.join(known)}")
        values |= {name: _value(place, name, value) for name, value in given.items()}
    return UnitFile(values)


def rows_of(pattern: str, judging: float, seed: int, subject: str) -> dict[str, Any]:
    """What the rows in files say of themselves: their count, columns and roots."""
    try:
        from ...data.readers import read
        from ...data.refusals import DataError
        from ...data.unit import divide
    except ImportError as error:
        stop(f"reading rows needs {error.name}; install it with: pip install 'tallystick[learn]'")
    try:
        made = divide(read(pattern), judging, seed, subject)
    except DataError as error:
        stop(str(error))
    return {
        "count": made.rows,
        "schema": made.schema_digest,
        "training_root": made.training_root,
        "judging_root": made.judging_root,
    }


def registration(given: UnitFile, version_of: str) -> "RegisterUnit":
    """The transaction that registers what is described."""
    from ...ledger.transactions import PrivacyBudget, Profile, RegisterUnit, Sketch, Terms

    values = given.values
    missing = [name for name in NEEDED if name not in values]
    if missing:
        stop(f"the unit's {_words(missing)} missing; say --{missing[0].replace('_', '-')}, or --from FILE")
    budget = [name for name in FIELDS["budget"] if name in values]
    if budget and len(budget) < len(FIELDS["budget"]):
        absent = [name for name in FIELDS["budget"] if name not in values]
        stop(f"a privacy budget needs epsilon, delta and protects; {_words(absent)} missing")
    return RegisterUnit(
        values["name"],
        Profile(
            values["category"],
            values["kind"],
            values["count"],
            values["schema"],
            values.get("latitude"),
            values.get("longitude"),
        ),
        values["training_root"],
        values["judging_root"],
        values.get("address", ""),
        Sketch(SKETCH, b""),
        Terms(
            values.get("price", 0),
            tuple(values.get("audience", ("*",))),
            tuple(values.get("purpose", ())),
            values.get("reuse", False),
            values.get("unaccounted", False),
        ),
        PrivacyBudget(values["epsilon"], values["delta"], values["protects"]) if budget else None,
        version_of,
        tuple(values.get("derived_from", ())),
        tuple(values.get("cites", ())),
    )


def _value(place: str, name: str, value: Any) -> Any:
    """A value as the ledger holds it."""
    try:
        if name in DIGESTS:
            return digest_of(str(value))
        if name in EXACT:
            return exact(EXACT[name])(str(value))
    except click.BadParameter as error:
        stop(f"{place}, {name}: {error.message}")
    kind = KINDS.get(name, str)
    fits = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    if kind is list:
        fits = fits and all(isinstance(item, str) for item in value)
    if not fits:
        stop(f"{place}, {name}: {value!r} is not {KIND_NAMES[kind]}")
    return value


def _words(names: list[str]) -> str:
    shown = [name.replace("_", " ") for name in names]
    return f"{', '.join(shown)} {'is' if len(shown) == 1 else 'are'}"
