"""The source tree as the architecture tests read it: files, modules, and who imports whom."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tallystick"


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file, parsed once for all tests."""
    return ast.parse(path.read_text())


@cache
def nodes_of(tree: ast.Module) -> tuple[ast.AST, ...]:
    """All nodes of a tree."""
    return tuple(ast.walk(tree))


def python_files(*folders: str) -> list[Path]:
    """Every Python file under the named folders of the repository, in order."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def tracked_files() -> list[Path]:
    """Every file that git knows, plus those not yet added that git would not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = (ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name)
    return [path for path in paths if path.is_file()]


def shown(path: Path) -> str:
    """The path as a message names it: from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    """`src/tallystick/ledger/state.py` is `tallystick.ledger.state`, `tests/a.py` is `tests.a`."""
    base = PACKAGE.parent if path.is_relative_to(PACKAGE.parent) else ROOT
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@dataclass(frozen=True)
class Import:
    """One module named by an import statement of another."""

    target: str
    line: int
    lazy: bool  # inside a function, or for type checkers only: not run when the module is loaded


def imports_of(text: str | ast.Module, module: str, is_package: bool, known: frozenset[str]) -> list[Import]:
    """What a module imports, as absolute names; `from . import x` names the module x where there is one."""
    imports: list[Import] = []

    def absolute(node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        parts = module.split(".")
        kept = parts[: len(parts) - node.level + (1 if is_package else 0)]
        return ".".join([*kept, node.module] if node.module else kept)

    def visit(node: ast.AST, lazy: bool) -> None:
        if isinstance(node, ast.Import):
            imports.extend(Import(alias.name, node.lineno, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                imports.append(Import(inner if inner in known else base, node.lineno, lazy))
        for child in statements_in(node):
            visit(child, lazy or delays(node))

    visit(ast.parse(text) if isinstance(text, str) else text, lazy=False)
    return imports


def statements_in(node: ast.AST) -> Iterator[ast.AST]:
    """What can hold an import: statements, and their handlers and cases; never expressions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield child


def delays(node: ast.AST) -> bool:
    """Whether what stands inside is not run when the module is loaded."""
    typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or typing_only


@cache
def imports_in(*folders: str) -> dict[str, list[Import]]:
    """Every module below these folders with all its imports."""
    files = python_files(*folders)
    known = frozenset(module_name(path) for path in files)
    return {
        module_name(path): imports_of(parsed(path), module_name(path), path.stem == "__init__", known)
        for path in files
    }


def package_imports() -> dict[str, list[Import]]:
    """Every module of the package with all its imports."""
    return imports_in("src/tallystick")
