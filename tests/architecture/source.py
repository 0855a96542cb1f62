"""The source tree as the architecture tests read it: files, modules, and who imports whom."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tallystick"


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
    """`src/tallystick/ledger/state.py` is `tallystick.ledger.state`."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@dataclass(frozen=True)
class Import:
    """One module named by an import statement of another."""

    target: str
    line: int
    lazy: bool  # inside a function, or for type checkers only: not run when the module is loaded


def imports_of(text: str, module: str, is_package: bool, known: frozenset[str]) -> list[Import]:
    """What a module imports, as absolute names; `from . import x` names the module x where there is one."""
    found: list[Import] = []

    def absolute(node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        parts = module.split(".")
        kept = parts[: len(parts) - node.level + (1 if is_package else 0)]
        return ".".join([*kept, node.module] if node.module else kept)

    def visit(node: ast.AST, lazy: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.append(Import(inner if inner in known else base, node.lineno, lazy))
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.iter_child_nodes(node):
            visit(child, lazy or inside or typing_only)

    visit(ast.parse(text), lazy=False)
    return found


def package_imports() -> dict[str, list[Import]]:
    """Every module of the package with all its imports."""
    files = python_files("src/tallystick")
    known = frozenset(module_name(path) for path in files)
    return {
        module_name(path): imports_of(path.read_text(), module_name(path), path.stem == "__init__", known)
        for path in files
    }
