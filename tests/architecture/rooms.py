"""Which rooms of the house a call passes: modules of the package, in the order of the first visit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

HOUSE, FURNITURE = "tallystick.", "tallystick.base."  # what stands in every room is none of its own


@dataclass(eq=False)
class Walk:
    """What was seen of one way through the house."""

    rooms: dict[str, None] = field(default_factory=dict)  # in the order of the first visit
    climbs: dict[str, None] = field(default_factory=dict)  # ways by which a room is entered that was not left


def room_of(module: str) -> str:
    """The module, but for the mathematics of learning, whose functions are values that are handed about."""
    name = module.removeprefix(HOUSE).replace(".", "/")
    return name.partition("/")[0] if name.startswith("learning/") else name


@contextmanager
def walked(walk: Walk | None = None) -> Iterator[Walk]:
    """Note every room that this thread enters until the block ends, and ways back into one not left."""
    walk, path = walk or Walk(), [""]
    depth: list[bool] = []  # of each frame of ours that is open, whether it entered another room

    def look(frame: FrameType, event: str, _argument: Any) -> None:
        if event not in ("call", "return"):
            return
        name = frame.f_globals.get("__name__", "")
        if not name.startswith(HOUSE) or name.startswith(FURNITURE):
            return
        if frame.f_code.co_name in ("<module>", "<genexpr>"):
            return
        room = room_of(name)
        if event == "return":
            if depth and depth.pop():
                path.pop()
            return
        depth.append(room != path[-1])
        if not depth[-1]:
            return
        walk.rooms.setdefault(room)
        if room in path:
            walk.climbs.setdefault(" → ".join([*path[path.index(room) :], room]))
        path.append(room)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield walk
    finally:
        sys.setprofile(before)


def called_back(work: Callable[[], object]) -> object:
    """Calls what it is given: for the test of a way back."""
    return work()
