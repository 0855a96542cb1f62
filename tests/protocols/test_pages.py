"""The pages about the papers name files and tests that exist."""

import ast
import re

import pytest

from benchmarks.results import rewritten
from tallystick.protocols.presets import names
from tests.architecture.source import ROOT

PATH = re.compile(r"`((?:src|tests|experiments)/[\w/.]+\.py)(?:::(\w+))?`")

CASE = re.compile(r"`papers/[a-z0-9-]+`")
TABLE = re.compile(r"^\|-.*\n((?:\| .*\n)+)", re.MULTILINE)  # the rows below a heading


def missing(page: str) -> list[str]:
    """The files and tests that a page names and that are not there."""
    found = []
    for path, test in PATH.findall(page):
        file = ROOT / path
        if not file.exists():
            found.append(path)
        elif test:
            tree = ast.parse(file.read_text())
            known = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            found += [] if test in known else [f"{path}::{test}"]
    return found


@pytest.mark.parametrize("name", names())
def test_claims_lead_to_files_and_tests(name):
    page = (ROOT / "docs" / "papers" / f"{name}.md").read_text()
    assert missing(page) == []
    tables = TABLE.findall(rewritten(page, []))
    rows = [row for table in tables for row in table.splitlines()]
    assert rows and all(len(PATH.findall(row) + CASE.findall(row)) >= 2 for row in rows), (
        "claim, file, test or case"
    )


def test_a_test_that_is_gone_is_seen():
    assert missing("`tests/protocols/test_pages.py::test_no_such`") == [
        "tests/protocols/test_pages.py::test_no_such"
    ]
    assert missing("`src/tallystick/nothing.py`") == ["src/tallystick/nothing.py"]
