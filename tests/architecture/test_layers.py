"""Who may import whom: downwards only, no circles, and nothing that learns below the learning layers."""

from __future__ import annotations

import sys

from tests.architecture.source import Import, imports_of, package_imports

BELOW_NODE = {
    *("base", "ledger", "engines", "data", "discovery", "learning", "privacy", "protocols", "history"),
}
ABOVE_NODE = BELOW_NODE | {"node"}

# layer -> what it may import besides itself; "ledger.rules" means that module alone
MAY_IMPORT: dict[str, set[str]] = {
    "base": set(),
    "ledger": {"base"},
    "engines": {"base", "ledger"},
    "report": {"base"},
    "data": {"base"},
    "learning": {"base", "data"},
    "adapters": {"base", "learning"},
    "privacy": {"base", "learning"},
    "discovery": {"base", "data", "privacy"},
    "protocols": {"base", "ledger.rules", "learning", "privacy", "discovery.graphs"},
    "history": {"base", "ledger", "engines"},
    "node": BELOW_NODE,
    "client": ABOVE_NODE,
    "simulation": ABOVE_NODE | {"report"},
    "api": {"base", "client", "history", "ledger.views"},
    "web": {"base", "api", "client", "history", "report"},
    "cli": ABOVE_NODE | {"adapters", "report", "simulation", "client", "api", "web"},
}

# These must run where only the bare package is installed.
BARE = {"base", "ledger", "engines", "history", "cli"}
BARE_PACKAGES = {"msgspec", "nacl", "click"}

# These start fast: what learns is imported when used. The client's nodes and requests learn themselves.
IMPORTS_WHEN_USED = {"cli", "client"}
LEARN_THEMSELVES = {f"tallystick.client.{name}" for name in ("nodes", "request")}
HEAVY = {
    *("data", "discovery", "learning", "adapters", "privacy", "protocols"),
    *("node", "simulation", "api", "web"),
}

Graph = dict[str, list[Import]]


def layer(module: str) -> str:
    """`tallystick.ledger.state` lies in `ledger`; the package itself lies in ""."""
    return [*module.split("."), ""][1]


def within(target: str, allowed: set[str]) -> bool:
    """Whether a module of ours is one of the allowed layers or lies inside an allowed module."""
    inner = target.removeprefix("tallystick.")
    return any(inner == name or inner.startswith(name + ".") for name in allowed)


def breaches(graph: Graph) -> list[str]:
    """Each import that the table forbids."""
    found = []
    for module, imports in graph.items():
        here = layer(module)
        if here == "":
            ours = [seen for seen in imports if seen.target.startswith("tallystick") and not seen.lazy]
            found += [f"{module}:{seen.line} imports {seen.target} before it is used" for seen in ours]
            continue
        if here not in MAY_IMPORT:
            found.append(f"{module}: the layer {here!r} is not in the table MAY_IMPORT")
            continue
        for seen in imports:
            if seen.target == "tallystick" or not seen.target.startswith("tallystick."):
                continue
            if not within(seen.target, MAY_IMPORT[here] | {here}):
                found.append(f"{module}:{seen.line} may not import {seen.target}")
    return found


def foreign(graph: Graph) -> list[str]:
    """Each import of a package that a bare installation does not have."""
    allowed = BARE_PACKAGES | sys.stdlib_module_names | {"tallystick"}
    return [
        f"{module}:{seen.line} imports {seen.target}, which the bare package does not bring"
        for module, imports in graph.items()
        if layer(module) in BARE
        for seen in imports
        if seen.target.split(".")[0] not in allowed and not (layer(module) == "cli" and seen.lazy)
    ]


def eager(graph: Graph) -> list[str]:
    """Each import of a heavy layer that runs before it is needed."""
    return [
        f"{module}:{seen.line} imports {seen.target} before it is used"
        for module, imports in graph.items()
        if layer(module) in IMPORTS_WHEN_USED and module not in LEARN_THEMSELVES
        for seen in imports
        if not seen.lazy and within(seen.target, HEAVY)
    ]


def siblings(graph: Graph) -> list[str]:
    """Each preset that imports another."""
    home = "tallystick.protocols.presets."
    return [
        f"{module}:{seen.line} imports the preset {seen.target}; presets share parts, not one another"
        for module, imports in graph.items()
        if module.startswith(home)
        for seen in imports
        if seen.target.startswith(home) and seen.target != module
    ]


def planted(**modules: str) -> Graph:
    """A graph of invented modules: `ledger__state="import jax"`."""
    names = {"tallystick." + name.replace("__", "."): text for name, text in modules.items()}
    return {name: imports_of(text, name, False, frozenset(names)) for name, text in names.items()}


def test_every_import_goes_downwards():
    assert breaches(package_imports()) == []


def test_bare_layers_need_only_the_bare_package():
    assert foreign(package_imports()) == []


def test_what_learns_is_imported_when_used():
    assert eager(package_imports()) == []


def test_presets_do_not_import_one_another():
    assert siblings(package_imports()) == []


def test_an_upward_import_is_seen():
    assert breaches(planted(ledger__state="from tallystick.engines import store"))
    assert breaches(planted(ledger__state="def f():\n    from ..engines.store import Store"))
    assert breaches(planted(protocols__round="from ..ledger.state import State"))
    assert breaches(planted(tricks__x="")) == [
        "tallystick.tricks.x: the layer 'tricks' is not in the table MAY_IMPORT"
    ]
    assert not breaches(planted(protocols__round="from ..ledger.rules import Rules"))
    assert not breaches(planted(engines__store="from ..ledger import state", ledger__state=""))


def test_a_foreign_import_is_seen():
    assert foreign(planted(ledger__state="import jax.numpy as jnp"))
    assert foreign(planted(engines__store="def f():\n    import numpy"))
    assert not foreign(planted(base__keys="import nacl.signing, hashlib", learning__x="import jax"))


def test_an_eager_import_is_seen():
    assert eager(planted(cli__main="from ..simulation import run"))
    assert not eager(planted(cli__main="def f():\n    from ..simulation import run"))


def test_a_preset_that_imports_another_is_seen():
    assert siblings(planted(protocols__presets__relay="from .mutual import mutual"))
