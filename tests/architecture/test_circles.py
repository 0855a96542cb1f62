"""No module needs itself, by whatever way round: in the package, its tests, benchmarks and experiments."""

from __future__ import annotations

import pytest

from tests.architecture.source import imports_in
from tests.architecture.test_layers import Graph, planted


def circles(graph: Graph) -> list[str]:
    """Each circle of modules, as the path that closes it."""
    found: list[str] = []
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            found.append(" → ".join([*path[path.index(module) :], module]))
            return
        if module in done:
            return
        for target in sorted({seen.target for seen in graph[module]} & graph.keys() - {module}):
            visit(target, [*path, module])
        done.add(module)

    for module in sorted(graph):
        visit(module, [])
    return found


@pytest.mark.parametrize("folder", ["src/tallystick", "tests", "benchmarks", "experiments"])
def test_there_are_no_circles(folder):
    assert circles(imports_in(folder)) == []


def test_a_circle_is_seen():
    graph = planted(base__a="from . import b", base__b="def f():\n    from .a import x")
    assert circles(graph) == ["tallystick.base.a → tallystick.base.b → tallystick.base.a"]
