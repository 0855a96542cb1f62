"""A planted bug: a function of the ledger that another takes the place of, wherever it is used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from tallystick.ledger import transition
from tallystick.ledger.handlers import HANDLERS

PLACES = ("tallystick.", "tests.ledger.model.actors")  # whose modules a planted function enters

Function = Callable[..., Any]


@dataclass(frozen=True)
class Bug:
    """What is wrong, in which function, and how the wrong function is made of the sound one."""

    what: str
    module: ModuleType
    function: str
    make: Callable[[Function], Function]


class Bugs(list[Bug]):
    """The bugs of one subject; a function that makes a wrong one of the sound one joins them as decorated."""

    def plant(self, what: str, module: ModuleType, function: str) -> Callable[[Any], Any]:
        def keep(make: Callable[[Function], Function]) -> Callable[[Function], Function]:
            self.append(Bug(what, module, function, make))
            return make

        return keep


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """The ledger with this bug in it, until the block is left."""
    sound = getattr(bug.module, bug.function)
    names = [name for name in sys.modules if name.startswith(PLACES)]
    holders: list[dict[Any, Any]] = [vars(sys.modules[name]) for name in names]
    holders += [HANDLERS, transition.SERVED_BY]
    held = [(holder, name) for holder in holders for name, value in list(holder.items()) if value is sound]
    wrong = bug.make(sound)
    for holder, name in held:
        holder[name] = wrong
    try:
        yield
    finally:
        for holder, name in held:
            holder[name] = sound


@contextmanager
def swapped(module: ModuleType, **functions: Function) -> Iterator[None]:
    """Functions of one module alone are others, until the block is left: what one function calls is wrong."""
    sound = {name: getattr(module, name) for name in functions}
    vars(module).update(functions)
    try:
        yield
    finally:
        vars(module).update(sound)


def nothing(*_: Any, **__: Any) -> None:
    """Does nothing, where something should be done or refused."""
