"""Desks for the tests of the command: an empty one, and one with a ledger of three members."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.cli.main import run
from tallystick.simulation import demo as story
from tests.cli.desk import NAMES, Bare, Clinics, Desk, bare_in, desk_in


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    """An empty folder."""
    yield from desk_in(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new ledger, to be copied: three members with 10,000 tokens each."""
    folder = tmp_path_factory.mktemp("founded") / "trial"
    named = [word for name in NAMES for word in ("--organisation", name)]
    assert run(["ledger", "init", str(folder), *named, "--no-password"]) == 0
    return folder


@pytest.fixture
def trial(desk: Desk, founded: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A folder with a ledger of its own, which TALLY_LEDGER names."""
    shutil.copytree(founded, "trial")
    monkeypatch.setenv("TALLY_LEDGER", "trial")
    return desk


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    """The command without the learning parts."""
    return bare_in(tmp_path)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Clinics:
    """The clinics' demo of this session."""
    return Clinics(tmp_path_factory.mktemp("clinics"), story.demo)


@pytest.fixture
def clinics(desk: Desk, played: Clinics, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """An empty folder, where the clinics' demo is played once for all tests."""
    monkeypatch.setattr(story, "demo", played.demo)
    return desk
