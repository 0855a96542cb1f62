"""A table becomes members with rows of their own and names for the ledger; who cannot be one is refused."""

from __future__ import annotations

import numpy as np
import pytest

import tallystick as ts
from tallystick.data.refusals import DataError
from tallystick.simulation.members import STANDARDISED, name_of
from tests.simulation.digit_sites import TASK, digits


@pytest.fixture(scope="module")
def members():
    return ts.members_of(digits(), TASK, by="site", judging=0.3, subject="person")


def test_a_table_becomes_members(members):
    assert list(members) == ["site-a", "site-b", "site-c", "site-d", "site-e"]
    together = np.concatenate([one.training.x for one in members.brought.values()])
    assert abs(together.mean(axis=0)).max() < 0.1
    assert "site-a" in repr(members)
    people = [set(part.subject) for part in (members.brought["site-a"].training,)]
    assert len(people[0]) > 10


def test_who_cannot_be_a_member_is_refused():
    table = digits()
    with pytest.raises(DataError, match="at least two members"):
        ts.members_of(table.replace(site=np.array(["x"] * len(table))), TASK, by="site")
    with pytest.raises(DataError, match="by=<column>"):
        ts.members_of(table, TASK)
    named = np.where(table["site"] == "Site A", "requester", "other")
    with pytest.raises(DataError, match="cannot be called 'requester'"):
        ts.members_of(table.replace(site=named), TASK, by="site")
    with pytest.raises(DataError, match="same name"):
        ts.members_of(table.replace(site=np.where(np.arange(len(table)) % 2, "A b", "a B")), TASK, by="site")
    assert len(ts.members_of(table, TASK, partition=7)) == 7


def test_columns_are_standardised_by_everybody_and_a_note_says_so(members):
    assert members.notes == (STANDARDISED,)
    assert {column.centre for column in members.task.columns} != {"0"}
    stated = ts.members_of(digits(), members.task, by="site")
    assert stated.notes == () and stated.task == members.task


def test_names_are_as_the_ledger_writes_them():
    assert name_of("Werk Süd / 3") == "werk-s-d-3"
    assert len(name_of("x" * 99)) == 48
    with pytest.raises(DataError, match="no name can be made of '§§'"):
        name_of("§§")
