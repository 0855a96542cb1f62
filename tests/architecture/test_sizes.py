"""No file over 400 lines, no function over 60."""

from __future__ import annotations

import ast

from tests.architecture.source import nodes_of, parsed, python_files, shown

FILE_LINES = 400
FUNCTION_LINES = 60


def too_long(name: str, lines: int, tree: ast.Module) -> list[str]:
    """What in a file is longer than it may be."""
    found = []
    if lines > FILE_LINES:
        found.append(f"{name} has {lines} lines (at most {FILE_LINES}): divide it by subject")
    for node in nodes_of(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(
                    f"{name}:{node.lineno} {node.name} has {length} lines (at most {FUNCTION_LINES})"
                )
    return found


def test_files_and_functions_are_short():
    assert [
        row
        for path in python_files("src", "benchmarks", "experiments", "tests/ledger/model")
        for row in too_long(shown(path), len(path.read_text().splitlines()), parsed(path))
    ] == []


def planted(text: str) -> list[str]:
    return too_long("x.py", len(text.splitlines()), ast.parse(text))


def test_a_long_file_is_seen():
    assert planted("a = 1\n" * 400) == []
    assert planted("a = 1\n" * 401)


def test_a_long_function_is_seen():
    assert planted("def f():\n" + "    a = 1\n" * 59) == []
    assert planted("def f():\n" + "    a = 1\n" * 60)
    assert planted("class C:\n    async def f(self):\n" + "        a = 1\n" * 60)
