"""Descriptions of data, terms, budgets and chains: careful where nothing is named, and within bounds."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.base.codec import Decoder, Malformed, Record, encode
from tallystick.ledger.transactions import descriptions as d

PROFILE = d.Profile("vibration", "table", 0, bytes(32), -90_000_000, 180_000_000)
BUDGET = d.PrivacyBudget(10**15, 1, "record")
CHAIN = d.ChainTerms("north", ((bytes(32), 1),))
USE = d.UnitUse("unit-" + "0" * 32, "grant-" + "0" * 32)


def read(described: Record) -> object:
    """The description as everybody reads it from its bytes."""
    return Decoder(type(described))(encode(described))


def test_terms_that_name_nothing_allow_nothing_beyond_a_grant():
    terms = d.Terms()
    assert (terms.price, terms.purposes, terms.reuse, terms.unaccounted) == (0, (), False, False)
    assert read(terms) == terms


def test_unless_agreed_otherwise_an_outcome_is_due_while_a_header_can_still_prove_it():
    assert CHAIN.escrow_cap == 0  # nothing is sent to a chain until its members say how much
    assert CHAIN.fresh < CHAIN.settling < CHAIN.trusting_period


@pytest.mark.parametrize(("described", "beyond"), [
    (PROFILE, {"latitude_e6": -90_000_001}),
    (PROFILE, {"longitude_e6": 180_000_001}),
    (PROFILE, {"rows": -1}),
    (replace(PROFILE, latitude_e6=None, longitude_e6=None), {"schema": bytes(31)}),
    (d.Sketch(1_000, bytes(2048)), {"data": bytes(2049)}),
    (d.Sketch(1, b""), {"version": 0}),
    (d.Terms(audience=("ada",) * 64), {"audience": ("ada",) * 65}),
    (d.Terms(price=0), {"price": -1}),
    (BUDGET, {"epsilon_nano": 10**15 + 1}),
    (BUDGET, {"delta_e12": 0}),
    (replace(BUDGET, delta_e12=10**11), {"delta_e12": 10**11 + 1}),
    (BUDGET, {"protects": "nobody"}),
    (USE, {"unit": "factory"}),
    (CHAIN, {"validators": ()}),
    (CHAIN, {"validators": ((bytes(32), 0),)}),
    (CHAIN, {"fresh": 999}),
    (replace(CHAIN, settling=10**12), {"settling": 10**12 + 1}),
])  # fmt: skip
def test_what_lies_just_beyond_its_bounds_is_refused(described: Record, beyond: dict[str, object]):
    assert read(described) == described
    with pytest.raises(Malformed):
        read(replace(described, **beyond))
