"""Folders and modules are named after the domain, say what they are for, and are finished."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

from tests.architecture.source import nodes_of, parsed, python_files, shown

DRAWERS = {"common", "core", "helper", "helpers", "manager", "managers", "misc", "service", "util", "utils"}


def joined(text: str) -> str:
    """The text without its tildes, which keep this file from finding itself."""
    return text.replace("~", "")


UNFINISHED = re.compile(joined(r"\b(TO~DO|FIX~ME|X~XX|raise\s+NotImplemented~Error)\b"))
UNRUN = re.compile(joined(r"\b(pytest|mark|unittest)\.(sk~ip\w*|import~orskip|xf~ail)\b"))


def drawers(name: str) -> list[str]:
    """The parts of a path that name a drawer instead of a subject."""
    path = PurePosixPath(name)
    return [f"{name}: {part!r} names no subject" for part in path.with_suffix("").parts if part in DRAWERS]


def undescribed(name: str, tree: ast.Module) -> list[str]:
    """A module without a first sentence."""
    first = (ast.get_docstring(tree) or "").split("\n\n")[0].strip()
    return [] if re.search(r"[.:](\s|$)", first) else [f"{name}: its docstring needs a first sentence"]


def unfinished(name: str, text: str) -> list[str]:
    """Lines that promise work, or a test that does not run."""
    lines = enumerate(text.splitlines(), 1)
    return [
        f"{name}:{number} {line.strip()}"
        for number, line in lines
        if UNFINISHED.search(line) or UNRUN.search(line)
    ]


def asserted(name: str, tree: ast.Module) -> list[str]:
    """Assertions in the package: `python -O` removes them, and they give a person no reason."""
    return [
        f"{name}:{node.lineno} uses assert; refuse with a reason"
        for node in nodes_of(tree)
        if isinstance(node, ast.Assert)
    ]


def test_names_say_the_subject():
    files = python_files("src", "tests", "benchmarks", "experiments")
    assert [row for path in files for row in drawers(shown(path))] == []


def test_every_module_says_what_it_is():
    assert [
        row
        for path in python_files("src", "benchmarks", "experiments")
        for row in undescribed(shown(path), parsed(path))
    ] == []


def test_nothing_is_left_unfinished():
    files = python_files("src", "tests", "benchmarks", "experiments")
    assert [row for path in files for row in unfinished(shown(path), path.read_text())] == []


def test_the_package_refuses_instead_of_asserting():
    assert [row for path in python_files("src") for row in asserted(shown(path), parsed(path))] == []


def test_a_drawer_is_seen():
    assert drawers("src/tallystick/common/ids.py")
    assert drawers("src/tallystick/base/utils.py")
    assert not drawers("src/tallystick/base/ids.py")


def test_a_missing_sentence_is_seen():
    assert undescribed("x.py", ast.parse("import os\n"))
    assert undescribed("x.py", ast.parse('"""Ids"""\n'))
    assert not undescribed("x.py", ast.parse('"""Names and\naddresses.\n\nMore."""\n'))


def test_unfinished_work_is_seen():
    for planted in (
        "# TO~DO later",
        "raise NotImplemented~Error",
        "@pytest.mark.sk~ipif(x)",
        "pytest.xf~ail()",
    ):
        assert unfinished("x.py", joined(planted)), planted
    assert not unfinished("x.py", "skipped = 3")


def test_an_assertion_is_seen():
    assert asserted("x.py", ast.parse("def f(x):\n    assert x > 0\n"))
