"""Plots as SVG text: lines over rounds, bars by member, a grid of who scored whom."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SIZE = (7.0, 3.2)  # inches
MARKED = 30  # points of a line that still have room for a mark each
MANY = 16  # names along an axis; more are written small and upright
WRITTEN = 200  # cells of a grid that have room for their values
COLOURS = ("#1b6b5a", "#c2562d", "#3a5a9b", "#8a6d1d", "#7a3b78", "#4d7c2a", "#555555", "#a03048")


@dataclass(frozen=True)
class Curve:
    """Points, and around them the lowest and the highest of several runs."""

    x: list[float]
    y: list[float]
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Panel:
    """One pair of axes and the curves in it by name."""

    across: str
    up: str
    curves: dict[str, Curve]
    bars: bool = False  # one bar for each point, where the points have no order
    log: bool = False  # the axis across


def panels(shown: Sequence[Panel]) -> str:
    """Panels side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        for place, (name, curve) in enumerate(panel.curves.items()):
            _draw(axes, curve, name, COLOURS[place % len(COLOURS)], panel.bars)
        axes.set_xlabel(panel.across)
        axes.set_ylabel(panel.up)
        if panel.log:
            axes.set_xscale("log")
        if len(panel.curves) > 1:
            axes.legend(frameon=False, fontsize=8)
    return _svg(figure)


def lines(series: Mapping[str, Sequence[float | None]], across: str, up: str) -> str:
    """One line for each series, over 1, 2, 3 …; what is missing has no mark."""
    known = {
        name: [(float(place), value) for place, value in enumerate(values, 1) if value is not None]
        for name, values in series.items()
    }
    curves = {name: Curve([x for x, _ in points], [y for _, y in points]) for name, points in known.items()}
    return panels([Panel(across, up, curves)])


def bars(values: Mapping[str, float], up: str) -> str:
    """One bar for each name."""
    figure, axes = _canvas()
    colours = [COLOURS[0] if value >= 0 else COLOURS[1] for value in values.values()]
    axes.bar(list(values), list(values.values()), color=colours)
    axes.axhline(0, color="#888888", lw=0.8)
    axes.set_ylabel(up)
    if len(values) > MANY:
        axes.tick_params(axis="x", rotation=90, labelsize=6)
    else:
        axes.tick_params(axis="x", rotation=30 if len(values) > 6 else 0)
    return _svg(figure)


def grid(
    rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float | None]], of: str
) -> str:
    """A coloured grid, its values written in where there is room; what nobody measured stays blank."""
    import numpy as np

    figure, axes = _canvas()
    shades = np.array([[np.nan if value is None else value for value in row] for row in values], float)
    axes.imshow(shades, cmap="YlGn", aspect="auto")
    crowded = max(len(rows), len(columns)) > MANY
    axes.set_xticks(
        range(len(columns)), columns, rotation=90 if crowded else 30, fontsize=5 if crowded else 8
    )
    axes.set_yticks(range(len(rows)), rows, fontsize=5 if crowded else 8)
    axes.set_title(of, fontsize=9)
    for y, row in enumerate(values if len(rows) * len(columns) <= WRITTEN else ()):
        for x, value in enumerate(row):
            if value is not None:
                axes.text(x, y, f"{value:.2f}", ha="center", va="center", fontsize=7)
    return _svg(figure)


def _draw(axes: Any, curve: Curve, name: str, colour: str, bars: bool) -> None:
    if bars:
        axes.bar(curve.x, curve.y, label=name, color=colour)
        axes.axhline(0, color="#888888", lw=0.8)
        return
    axes.plot(curve.x, curve.y, label=name, color=colour, marker="o" if len(curve.x) < MARKED else None, ms=3)
    if curve.low:
        axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.15, lw=0)


def _canvas() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Any) -> str:
    """The picture as SVG without the parts that differ from run to run."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "tallystick", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
