"""One class name means one thing, and names are nouns of the domain instead of words that fit anything."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from tests.architecture.source import nodes_of, parsed, python_files, shown

# How often a word that fits anything may stand as a name in the package.
MOST = {("one",): 200, ("found",): 150, ("told", "said", "wanted"): 50}


def classes(files: Iterable[tuple[str, ast.Module]]) -> dict[str, list[str]]:
    """Where each class is defined, nested ones among them."""
    places: dict[str, list[str]] = {}
    for name, tree in files:
        for node in nodes_of(tree):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)
    return places


def ambiguous(places: Mapping[str, list[str]]) -> list[str]:
    """Names that mean more than one class."""
    return [f"{name}: {', '.join(where)}" for name, where in sorted(places.items()) if len(where) > 1]


def names_in(tree: ast.Module) -> Iterator[str]:
    """Every name that is bound or used: variables, arguments, attributes, functions, imports, captures."""
    for node in nodes_of(tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.keyword(arg=str(name)) | ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
                yield name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name


def overused(trees: Iterable[ast.Module], most: Mapping[tuple[str, ...], int]) -> list[str]:
    """Words that stand as names more often than they may."""
    often = Counter(name for tree in trees for name in names_in(tree))
    counts = {words: sum(often[word] for word in words) for words in most}
    return [
        f"{', '.join(words)}: {count} times, at most {most[words]}; say what it is"
        for words, count in counts.items()
        if count > most[words]
    ]


def test_a_class_name_means_one_thing():
    files = [(shown(path), parsed(path)) for path in python_files("src")]
    assert ambiguous(classes(files)) == []


def test_names_say_what_they_are():
    assert overused(map(parsed, python_files("src")), MOST) == []


def test_a_name_of_two_meanings_is_seen():
    files = [("a.py", ast.parse("class Plan: ...")), ("b.py", ast.parse("def f():\n    class Plan: ..."))]
    assert ambiguous(classes(files)) == ["Plan: a.py, b.py"]
    assert ambiguous(classes(files[:1])) == []


def test_every_kind_of_name_counts():
    planted = """
def found(found, *, key=None):
    for found in found.found(found=1):
        match found:
            case [found, *found] | {"found": found}:
                import os as found
    try:
        pass
    except ValueError as found:
        pass
"""
    tree = ast.parse(planted)
    assert Counter(names_in(tree))["found"] == 12
    assert overused([tree], {("found",): 12}) == []
    assert overused([tree], {("found",): 11}) == ["found: 12 times, at most 11; say what it is"]
