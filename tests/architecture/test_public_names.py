"""The public names: a list that only grows, each found when first used."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import tallystick

# Taking a name out of this list takes a release that warns first.
NAMES = [
    "Budget",
    "Plan",
    "Refunded",
    "Settled",
    "Task",
    "attacks",
    "cnn",
    "connect",
    "dp_sgd",
    "faults",
    "join",
    "learner_from",
    "linear",
    "members_of",
    "mlp",
    "noised_update",
    "open",
    "per_hop",
    "presets",
    "read",
    "simulate",
    "verify",
]


def test_the_list_is_the_table():
    assert sorted(tallystick.PUBLIC) == NAMES
    assert dir(tallystick) == sorted([*NAMES, "__version__"])


def test_every_name_is_found():
    for name, place in tallystick.PUBLIC.items():
        module, _, inner = place.partition(":")
        assert getattr(tallystick, name) is getattr(import_module(module), inner or name)


def test_a_name_is_imported_when_it_is_used(monkeypatch):
    monkeypatch.setitem(tallystick.PUBLIC, "isqrt", "math")
    monkeypatch.setitem(tallystick.PUBLIC, "whole_root", "math:isqrt")

    assert tallystick.whole_root is tallystick.isqrt
    for name in ("isqrt", "whole_root"):
        vars(tallystick).pop(name)


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="'simulat'"):
        _ = tallystick.simulat


def test_the_package_loads_nothing_before_it_is_used():
    loaded = "import sys, tallystick; print([name for name in sys.modules if name.startswith('tallystick.')])"
    shown = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
