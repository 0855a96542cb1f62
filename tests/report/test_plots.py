"""Plots are SVG of their own, the same to the byte each time, in the colours of the page."""

from __future__ import annotations

from xml.etree import ElementTree

from tallystick.report import plots


def test_a_large_grid_shows_colours_without_values():
    names = [f"m{number}" for number in range(20)]
    small = plots.grid(names[:3], names[:3], [[0.25] * 3] * 3, "scores")
    large = plots.grid(names, names, [[0.25] * 20] * 20, "scores")
    assert small.count(">0.25<") == 9
    assert large.count(">0.25<") == 0


def test_panels_of_the_same_curves_share_a_legend():
    def panel(*names):
        return plots.Panel(
            "round", "loss", {name: plots.Curve([1, 2], [3, 4], [2, 3], [4, 5]) for name in names}
        )

    assert plots.panels([panel("ours", "theirs"), panel("ours", "theirs")]).count(">theirs<") == 1
    assert plots.panels([panel("ours", "theirs"), panel("theirs", "others")]).count(">theirs<") == 2


def test_pictures_are_svg_and_repeat_to_the_byte():
    for draw in (
        lambda: plots.lines({"a": [1.0, 2.0]}, "x", "y"),
        lambda: plots.panels([plots.Panel("x", "y", {"a": plots.Curve([1, 2], [3, -4])}, bars=True)]),
        lambda: plots.bars({"a": 1.0, "b": -1.0}, "y"),
        lambda: plots.grid(["a"], ["b", "c"], [[0.5, None]], "scores"),
    ):
        one, two = draw(), draw()
        assert one == two
        assert ElementTree.fromstring(one).tag.endswith("svg")


def test_pictures_take_the_colour_of_the_page():
    for made in (
        plots.lines({"a": [1.0, 2.0], "b": [1.0, 1.0]}, "x", "y"),
        plots.bars({"a": 1.0}, "y"),
        plots.grid(["a"], ["b"], [[0.5]], "scores"),
    ):
        assert "currentColor" in made
        assert "#000000" not in made and "#010203" not in made
