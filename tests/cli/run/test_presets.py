"""What the command says of presets is what their files say."""

from __future__ import annotations

from importlib import import_module

import pytest

from tallystick.cli.run.presets import NEEDS, summary, turn
from tallystick.protocols import presets
from tallystick.protocols.presets import names, preset
from tests.cli.desk import Bare, Desk


def test_every_preset_is_listed_with_its_paper_and_needs(desk: Desk) -> None:
    shown = desk.does("presets")
    found = {one["name"]: one for one in desk.finds("presets")}
    assert tuple(found) == names()
    for name, one in found.items():
        protocol = preset(name)()
        assert name in shown
        assert one["says"] and one["paper"], name
        assert one["paper"] in shown
        assert set(one["needs"]) == set(protocol.needs) <= set(NEEDS)
        phases = (*protocol.opening, *protocol.phases, *protocol.closing)
        assert [phase["name"] for phase in one["phases"]] == [phase.name for phase in phases]


@pytest.mark.parametrize("name", names())
def test_one_preset_in_full(desk: Desk, name: str) -> None:
    shown = desk.does(f"presets {name}")
    for phase in preset(name)().phases:
        assert f"\n{phase.name} " in shown
    assert "settings" in shown


def test_whose_turn_it_is_in_words() -> None:
    said = {turn(phase.turn) for name in names() for phase in preset(name)().phases}
    assert "the leader" in said
    assert "those who did shares" in said
    assert not [one for one in said if ":" in one or "_" in one]
    assert turn("drawn:train:3") == "drawn judges of train"


def test_the_first_sentence_stands_without_its_paper() -> None:
    assert summary("A: two\nlines (x, Y 2021).\n\nMore (z).", "x, Y 2021") == "A: two lines."
    assert summary("None here (at all).", "") == "None here (at all)."


def test_every_preset_names_its_paper_where_it_says_what_it_is() -> None:
    for name in names():
        module = import_module(f"{presets.__name__}.{name}")
        first = " ".join((module.__doc__ or "").split("\n\n", 1)[0].split())
        assert first.endswith(f" ({module.PAPER}).")


def test_an_unknown_preset_is_one_line(desk: Desk) -> None:
    assert "choose one of averaging, mutual" in desk.fails("presets other")


def test_without_the_learning_parts_one_line_says_what_brings_them(bare: Bare) -> None:
    said = bare("presets")
    assert (said.code, said.out) == (2, "")
    assert said.err == "tally: schemes need jax, which is not installed: pip install 'tallystick[learn]'\n"
