"""What every member must compute alike: integers only, no clock, no chance, no `hash()`, no order of a set.

A linter sees only the obvious; the replay of one history under two hash seeds stands beside it
(`tests/ledger/`).
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE, python_files, shown

EXACT_BASE = ("ids", "codec", "merkle", "fixed", "events", "light", "wire")

# A module not listed may not be imported where every member must compute alike.
EXACT_MODULES = """
    __future__ abc bisect collections contextlib copy dataclasses decimal enum fractions functools hashlib
    heapq hmac itertools math msgspec nacl operator re string struct sys tallystick types typing
    typing_extensions unicodedata
"""
EXACT_MATHS = {"ceil", "comb", "factorial", "gcd", "isqrt", "lcm", "perm", "prod"}
FORBIDDEN_CALLS = {
    "float": "computes with floats",
    "complex": "computes with floats",
    "hash": "differs from process to process",
    "id": "differs from process to process",
    "input": "asks the world",
    "open": "asks the world",
    "getcontext": "depends on a setting of the thread; pass a fixed decimal context",
    "setcontext": "changes a setting of the thread; pass a fixed decimal context",
}
SET_MAKERS = {"set", "frozenset"}
SET_METHODS = {"union", "intersection", "difference", "symmetric_difference"}
ORDERED_BY = {
    "list",
    "tuple",
    "enumerate",
    "iter",
    "next",
    "zip",
    "map",
    "filter",
    "reversed",
    "join",
    "fromkeys",
}


class Lint(ast.NodeVisitor):
    """Collects what one file does that two members could compute differently."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: list[str] = []
        self.sets: list[set[str]] = [set()]  # names bound to a set, a scope each
        self.decimal = 0  # how deep we are in what computes with Decimal

    def note(self, node: ast.expr | ast.stmt, what: str) -> None:
        self.found.append(f"{self.name}:{node.lineno} {what}")

    def is_set(self, node: ast.expr | None) -> bool:
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Call(func=ast.Name(id=maker)) if maker in SET_MAKERS:
                return True
            case ast.Call(func=ast.Attribute(attr=method)) if method in SET_METHODS:
                return True
            case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right):
                return self.is_set(left) or self.is_set(right)
            case ast.Name(id=name):
                return any(name in scope for scope in self.sets)
        return False

    def ensure_ordered(self, node: ast.expr) -> None:
        if self.is_set(node):
            self.note(node, "depends on the order of a set; sort it")

    def bind(self, target: ast.expr, is_set: bool) -> None:
        if isinstance(target, ast.Name):
            (self.sets[-1].add if is_set else self.sets[-1].discard)(target.id)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.sets.append(set())
        for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
            self.bind(ast.Name(argument.arg), annotated_set(argument.annotation))
        in_decimal = node.returns is not None and "Decimal" in ast.unparse(node.returns)
        self.decimal += in_decimal
        self.generic_visit(node)
        self.decimal -= in_decimal
        self.sets.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_With(self, node: ast.With) -> None:
        """`with localcontext(fixed):` divides by Decimal's fixed rule."""
        fixed = any(ast.unparse(item.context_expr).startswith("localcontext(") for item in node.items)
        self.decimal += fixed
        self.generic_visit(node)
        self.decimal -= fixed

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            self.bind(target, self.is_set(node.value))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.generic_visit(node)
        self.bind(node.target, annotated_set(node.annotation) or self.is_set(node.value))

    def visit_For(self, node: ast.For) -> None:
        self.ensure_ordered(node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.ensure_ordered(node.iter)
        self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        self.ensure_ordered(node.value)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, float | complex):
            self.note(node, f"holds the float {node.value}")

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Div) and not self.decimal:
            self.note(node, "divides with /; use //, or Decimal under a fixed localcontext()")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.op, ast.Div) and not self.decimal:
            self.note(node, "divides with /=; use //=, or Decimal under a fixed localcontext()")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        named = isinstance(node.func, ast.Name) or called in ("getcontext", "setcontext")
        if named and called in FORBIDDEN_CALLS:
            self.note(node, f"calls {called}(), which {FORBIDDEN_CALLS[called]}")
        if called == "Decimal" and node.args and is_division(node.args[0]):
            self.note(node, "divides before it is a Decimal: a float in between")
        if called == "localcontext" and not node.args:
            self.note(node, "depends on a setting of the thread; pass a fixed decimal context")
        if called in ORDERED_BY:
            for argument in node.args:
                self.ensure_ordered(argument)
        if called == "pop" and not node.args and isinstance(node.func, ast.Attribute):
            self.ensure_ordered(node.func.value)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and node.value.id == "math" and node.attr not in EXACT_MATHS:
            self.note(node, f"uses math.{node.attr}, which is not exact")
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.ensure_exact(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level == 0:
            self.ensure_exact(node, node.module or "")
        for alias in node.names:
            if node.module == "math" and alias.name not in EXACT_MATHS:
                self.note(node, f"uses math.{alias.name}, which is not exact")

    def ensure_exact(self, node: ast.stmt, module: str) -> None:
        if module.split(".")[0] not in EXACT_MODULES.split():
            self.note(node, f"imports {module}: not known to be exact")


def is_division(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)


def annotated_set(annotation: ast.expr | None) -> bool:
    """Whether an annotation says that the value is a set."""
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return isinstance(outer, ast.Name) and outer.id in {
        "set",
        "frozenset",
        "Set",
        "AbstractSet",
        "MutableSet",
    }


def lint(name: str, text: str) -> list[str]:
    """What a file does that two members could compute differently."""
    visitor = Lint(name)
    visitor.visit(ast.parse(text))
    return visitor.found


def exact_files() -> list[Path]:
    """The files of which every member must get the same result."""
    base = [PACKAGE / "base" / f"{name}.py" for name in EXACT_BASE]
    return [*python_files("src/tallystick/ledger"), *base]


def test_the_ledger_computes_the_same_everywhere():
    assert [row for path in exact_files() for row in lint(shown(path), path.read_text())] == []


@pytest.mark.parametrize(
    "planted",
    [
        "fee = amount * 0.01",
        "x = 1e6",
        "share = a / b",
        "a /= 2",
        "x = float(y)",
        "import time",
        "from datetime import datetime",
        "import random",
        "from secrets import token_bytes",
        "import os",
        "import numpy as np",
        "seed = hash(name)",
        "import math\nx = math.log(2)",
        "from math import exp",
        "import decimal\ndecimal.getcontext().prec = 50",
        "with localcontext():\n    x = Decimal(1) / 3",
        "def f(a: int, b: int) -> Decimal:\n    return Decimal(a / b)",
        "for x in {a, b}: pass",
        "for x in set(names): pass",
        "for x in set(a) | set(b): pass",
        "rows = [f(x) for x in frozenset(names)]",
        "rows = list({a, b})",
        "rows = [*{a, b}]",
        "row = ','.join({a, b})",
        "seen = set()\nfor x in seen: pass",
        "def f(seen: set[str]):\n    return tuple(seen)",
        "def f():\n    seen: set[str] = make()\n    return seen.pop()",
        "def f(a, b):\n    return [x for x in a.union(b)]",
    ],
)
def test_what_could_differ_is_seen(planted):
    assert lint("x.py", planted), planted


@pytest.mark.parametrize(
    "harmless",
    [
        "share = a // b",
        "for x in sorted(set(names)): pass",
        "found = x in {a, b}",
        "count = len(set(names))",
        "from math import isqrt",
        "from decimal import Context, Decimal\nx = Context(prec=50).divide(Decimal(1), Decimal(3))",
        "with localcontext(FIXED):\n    x = Decimal(1) / 3",
        "def f(a: int) -> Decimal:\n    return Decimal(a) / 3",
        "seen = set()\nseen = sorted(seen)\nfor x in seen: pass",
        "last = rows.pop()",
        "from ..base import ids",
    ],
)
def test_what_is_exact_passes(harmless):
    assert lint("x.py", harmless) == [], harmless
