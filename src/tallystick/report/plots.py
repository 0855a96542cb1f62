"""Plots as SVG text: lines over rounds, bars by member, a grid of who scored whom."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

SIZE = (7.0, 3.2)  # inches
WIDTH = 3.4  # of each of several panels
MARKED = 30  # points of a line that still have room for a mark each
MANY = 16  # names along an axis; more are written small and upright
WRITTEN = 200  # cells of a grid that have room for their values
# Seen on a light page and on a dark one.
COLOURS = ("#2a9279", "#d06a3c", "#6a86c9", "#b08d2c", "#a863a5", "#6b9c45", "#8a8a85", "#c9536c")
INK = "#010203"  # becomes the colour of the page's own text
SHADES = ("#f4ecd0", "#1d6f5c")  # of the least and the greatest value in a grid


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

    figure = Figure(figsize=(max(SIZE[0], WIDTH * len(shown)), SIZE[1]), layout="constrained")
    alike = len(shown) > 1 and len({tuple(panel.curves) for panel in shown}) == 1
    for axes, panel in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        for place, (name, curve) in enumerate(panel.curves.items()):
            _draw(axes, curve, name, COLOURS[place % len(COLOURS)], panel.bars)
        axes.set_xlabel(panel.across)
        axes.set_ylabel(panel.up)
        if panel.log:
            axes.set_xscale("log")
        if len(panel.curves) > 1 and not alike:
            axes.legend(frameon=False, fontsize=8)
    if alike and len(shown[0].curves) > 1:  # one legend for all
        names = axes.get_legend_handles_labels()
        figure.legend(*names, loc="outside upper center", ncols=len(names[1]), frameon=False, fontsize=8)
    return _svg(figure)


def lines(series: Mapping[str, Sequence[float | None]], across: str, up: str) -> str:
    """One line for each series, over 1, 2, 3 …; gaps stay gaps."""
    figure, axes = _canvas()
    for (name, values), colour in zip(series.items(), _colours(len(series)), strict=True):
        points = [(place, value) for place, value in enumerate(values, 1) if value is not None]
        level = len(values) > 1 and len(set(values)) == 1
        axes.plot(
            [x for x, _ in points], [y for _, y in points], label=name, color=colour, ms=3.5,
            lw=1.3 if level else 2, ls="--" if level else "-",
            marker=None if level or len(points) >= MARKED else "o",
        )  # fmt: skip
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.xaxis.set_major_locator(_whole_numbers())
    axes.grid(axis="y", color=INK, alpha=0.12, lw=0.8)
    if len(series) > 1:
        axes.legend(frameon=False, fontsize=8, ncols=len(series), loc="lower left", bbox_to_anchor=(0, 1))
    return _svg(figure)


def bars(values: Mapping[str, float], up: str) -> str:
    """One bar for each name."""
    figure, axes = _canvas()
    colours = [COLOURS[0] if value >= 0 else COLOURS[1] for value in values.values()]
    axes.bar(list(values), list(values.values()), color=colours)
    axes.axhline(0, color=INK, lw=0.8)
    axes.set_ylabel(up)
    axes.grid(axis="y", color=INK, alpha=0.12, lw=0.8)
    axes.set_axisbelow(True)
    axes.margins(y=0.15)
    for place, value in enumerate(values.values() if len(values) <= MANY else ()):
        axes.annotate(
            f"{value:,.0f}", (place, value), (0, 3 if value >= 0 else -3), textcoords="offset points",
            ha="center", va="bottom" if value >= 0 else "top", fontsize=8,
        )  # fmt: skip
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

    size = (1.6 + 0.62 * len(columns), 1.2 + 0.4 * len(rows)) if len(columns) <= MANY else SIZE
    figure, axes = _canvas(size)
    shades = np.array([[np.nan if value is None else value for value in row] for row in values], float)
    axes.imshow(shades, cmap=_shading(), aspect="auto")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    crowded = max(len(rows), len(columns)) > MANY
    axes.set_xticks(
        range(len(columns)), columns, rotation=90 if crowded else 30, fontsize=5 if crowded else 8
    )
    axes.set_yticks(range(len(rows)), rows, fontsize=5 if crowded else 8)
    axes.set_title(of, fontsize=9)
    middle = (np.nanmin(shades) + np.nanmax(shades)) / 2 if np.isfinite(shades).any() else 0
    for y, row in enumerate(values if len(rows) * len(columns) <= WRITTEN else ()):
        for x, value in enumerate(row):
            if value is not None:
                ink = "#ffffff" if value > middle else "#22231f"
                axes.text(x, y, f"{value:.2f}", ha="center", va="center", fontsize=8, color=ink)
    return _svg(figure)


def _draw(axes: Axes, curve: Curve, name: str, colour: str, bars: bool) -> None:
    if bars:
        axes.bar(curve.x, curve.y, label=name, color=colour)
        axes.axhline(0, color="#888888", lw=0.8)
        return
    axes.plot(curve.x, curve.y, label=name, color=colour, marker="o" if len(curve.x) < MARKED else None, ms=3)
    if curve.low:
        axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.15, lw=0)


def _shading() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("shading", SHADES).with_extremes(bad=(0, 0, 0, 0))


def _whole_numbers() -> Locator:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True)


def _colours(count: int) -> list[str]:
    return [COLOURS[place % len(COLOURS)] for place in range(count)]


def _canvas(size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained", facecolor="none")
    axes = figure.subplots()
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.tick_params(colors=INK)
    for part in (axes.xaxis.label, axes.yaxis.label, axes.title):
        part.set_color(INK)
    return figure, axes


def _svg(figure: Figure) -> str:
    """The picture as SVG without the parts that differ from run to run."""
    import matplotlib
    from matplotlib.text import Text

    buffer = io.StringIO()
    for text in figure.findobj(Text):
        if isinstance(text, Text):
            text.set_color(INK if text.get_color() == "black" else text.get_color())
    with matplotlib.rc_context({"svg.hashsalt": "tallystick", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue()
    return drawn[drawn.index("<svg") :].replace(INK, "currentColor")
