"""The presets: a paper's choice of parts each, found by their file names."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from ..vocabulary import Protocol

Preset = Callable[..., Protocol]


def names() -> tuple[str, ...]:
    """Every preset there is: a file here is one."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def preset(name: str) -> Preset:
    """The preset of this name: the function in its file that is called as the file is."""
    if name not in names():
        raise LookupError(f"there is no preset {name!r}; choose one of {', '.join(names())}")
    make: Preset = getattr(import_module(f"{__name__}.{name}"), name)
    return make
