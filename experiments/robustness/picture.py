"""The table of robustness as a picture: `python -m experiments.robustness.picture` draws it from a result."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.results import RESULTS, load
from tallystick.report.plots import grid

MOST = 10.0  # points of 100; more is shown as this, so that small losses keep their shades
LOSS = re.compile(r"([a-z-]+) (-?[0-9.]+)(?:,|;|$)")


def drawn(path: Path, split: str = "Dirichlet 0.5", malicious: int = 5) -> str:
    """Rules down, attacks across, what each loses of FedAvg's accuracy."""
    ending = f", {split}, {malicious} of 50"
    rows = {
        row.what.removesuffix(ending): {
            name: min(100 * float(lost), MOST) for name, lost in LOSS.findall(row.note)
        }
        for row in load(path).measured
        if row.what.endswith(ending) and row.unit == "of accuracy lost"
    }
    attacks = list(dict.fromkeys(name for losses in rows.values() for name in losses))
    values = [[losses.get(name) for name in attacks] for losses in rows.values()]
    return grid(
        list(rows),
        attacks,
        values,
        f"points of 100 lost, {MOST:g} and more as {MOST:g}: {split}, {malicious} of 50",
    )


if __name__ == "__main__":
    result = RESULTS / "papers" / "robustness.json"
    result.with_suffix(".svg").write_text(drawn(result))
