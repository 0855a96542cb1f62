"""The curves behind a result, as numbers (`<case>.curves.json`) and as a picture (`<case>.svg`)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.results import RESULTS

if TYPE_CHECKING:
    from tallystick.report.plots import Panel

CURVES = ".curves.json"


def save_picture(name: str, panels: Sequence[Panel], folder: Path = RESULTS) -> None:
    """Keep the curves of a case and draw them; the picture says which curves it shows."""
    from tallystick.report import plots

    listed = [msgspec.json.encode(_rounded(asdict(panel))).decode() for panel in panels]
    text = "[\n" + ",\n".join(listed) + "\n]\n"
    path = folder / f"{name}{CURVES}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    picture_of(path).write_text(plots.panels(panels) + _mark(text))


def picture_of(curves: Path) -> Path:
    """Where the picture of these curves lies."""
    return curves.with_name(curves.name.removesuffix(CURVES) + ".svg")


def is_current(curves: Path) -> bool:
    """Whether the picture beside the curves was drawn from them."""
    picture = picture_of(curves)
    return picture.exists() and picture.read_text().endswith(_mark(curves.read_text()))


def _mark(text: str) -> str:
    return f"<!-- curves {hashlib.sha256(text.encode()).hexdigest()[:16]} -->\n"


def _rounded(value: object) -> object:
    """Five digits are more than a picture shows."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return value
