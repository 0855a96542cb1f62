"""The three ways through the house pass the rooms that `docs/design.md` lists, and come into none twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.architecture import rooms
from tests.architecture.rooms import walked
from tests.architecture.source import ROOT
from tests.architecture.walks import PAGE, WALKS, on_the_page, written


@pytest.fixture(scope="module")
def walks() -> dict[str, tuple[list[str], list[str]]]:
    """Each walk's rooms, and its ways back into a room that was not left; in a process of their own."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "tests.architecture.walks"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return {name: (passed, back) for name, (passed, back) in json.loads(done.stdout).items()}


@pytest.mark.parametrize("name", WALKS)
def test_the_page_lists_the_rooms(walks, name):
    assert on_the_page(PAGE.read_text())[name] == written(walks[name][0])


@pytest.mark.parametrize("name", WALKS)
def test_no_room_is_entered_that_was_not_left(walks, name):
    assert walks[name][1] == []


def test_a_way_back_is_seen(monkeypatch):
    monkeypatch.setattr(rooms, "HOUSE", "tests.")
    with walked() as walk:
        rooms.called_back(lambda: None)
    assert list(walk.rooms) == ["architecture/rooms", "architecture/test_walks"]
    assert walk.climbs == {}
    with walked() as walk:
        rooms.called_back(lambda: rooms.called_back(lambda: None))
    assert "architecture/rooms → architecture/test_walks → architecture/rooms" in walk.climbs
