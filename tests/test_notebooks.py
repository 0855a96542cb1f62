"""The notebooks run from their first cell to the last, as somebody with a table of their own runs them."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from tallystick.data.refusals import DataError
from tests.architecture.source import ROOT

FOLDER = ROOT / "docs" / "notebooks"


def cells(name: str) -> list[str]:
    """The code of a notebook, cell by cell; a committed notebook holds no outputs."""
    book = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    assert book["nbformat"] == 4
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] for cell in code)
    return ["".join(cell["source"]) for cell in code]


def executed(code: str, known: dict[str, Any]) -> Any:
    """Run a cell; its last expression is what a notebook would show."""
    tree = ast.parse(code)
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        exec(compile(tree, "cell", "exec"), known)
        return None
    tree.body.pop()
    exec(compile(tree, "cell", "exec"), known)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), known)


def test_there_is_a_notebook_and_each_is_tested() -> None:
    assert [path.name for path in FOLDER.glob("*.ipynb")] == ["own-csv.ipynb"]


def test_ones_own_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    known: dict[str, Any] = {}
    shown = [executed(code, known) for code in cells("own-csv.ipynb")]
    members, run, rounds, plot = shown[1:5]
    assert len(members) == 5 and "north 200" in repr(members)
    assert "alone" in repr(run) and "west" in repr(run) and "<svg" in run._repr_html_()
    assert run.score > 0.7
    assert "<table>" in rounds._repr_html_() and len(rounds) == len(run.each_round) >= 3
    assert plot._repr_svg_().startswith("<svg")
    said = capsys.readouterr().out
    assert "ε = " in said and "for one record" in said and "all true" in said
    assert Path("pumps.html").exists() and Path("runs/pumps/result.json").exists()
    with pytest.raises(DataError, match="`pip install pandas` brings it"):
        rounds.to_pandas()
