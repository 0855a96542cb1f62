"""No file over 400 lines, no function over 60."""

from __future__ import annotations

import ast

from tests.architecture.source import python_files, shown

FILE_LINES = 400
FUNCTION_LINES = 60


def too_long(name: str, text: str) -> list[str]:
    """What in a file is longer than it may be."""
    found = []
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        found.append(f"{name} has {lines} lines (at most {FILE_LINES}): divide it by subject")
    for node in ast.walk(ast.parse(text)):
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
        for path in python_files("src", "benchmarks", "experiments")
        for row in too_long(shown(path), path.read_text())
    ] == []


def test_a_long_file_is_seen():
    assert too_long("x.py", "a = 1\n" * 400) == []
    assert too_long("x.py", "a = 1\n" * 401)


def test_a_long_function_is_seen():
    assert too_long("x.py", "def f():\n" + "    a = 1\n" * 59) == []
    assert too_long("x.py", "def f():\n" + "    a = 1\n" * 60)
    assert too_long("x.py", "class C:\n    async def f(self):\n" + "        a = 1\n" * 60)
