"""What every experiment needs: one figure, or one curve, out of the runs of several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from benchmarks.case import Measured, Peer, Target

if TYPE_CHECKING:
    from tallystick.report.plots import Curve


def over_seeds(
    what: str,
    values: Mapping[int, float],
    unit: str = "",
    *,
    paper: float | None = None,
    target: Target | None = None,
    note: str = "",
) -> Measured:
    """The mean over the seeds, with the lowest and the highest, beside the paper's own figure."""
    return Measured(
        what=what,
        value=fmean(values.values()),
        unit=unit,
        target=target,
        peer=None if paper is None else Peer("the paper", paper),
        seeds=list(values),
        spread=(min(values.values()), max(values.values())) if len(values) > 1 else None,
        note=note,
    )


def curve(x: Sequence[float], runs: Sequence[Sequence[float]]) -> Curve:
    """The mean of several runs, a point for each x, and the band that they lie in."""
    from tallystick.report.plots import Curve

    points = list(zip(*runs, strict=True))
    mean = [fmean(point) for point in points]
    if len(runs) < 2:
        return Curve(list(x), mean)
    return Curve(list(x), mean, [min(point) for point in points], [max(point) for point in points])
