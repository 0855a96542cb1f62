"""What a command works with: a ledger and a key that must be named, files, passwords, missing parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.cli import context
from tallystick.cli.context import BadInput, Context, ensure_writable


def test_a_ledger_and_a_key_must_be_named() -> None:
    with pytest.raises(BadInput, match="which ledger\\? say --ledger DIR"):
        Context().folder()
    with pytest.raises(BadInput, match="whose key\\? say --key FILE"):
        Context().key_file()


def test_files_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text('{"ε": 1}', encoding="utf-8")
    bad.write_bytes(b"ok \xff")
    assert context.read_text(good) == '{"ε": 1}'
    assert context.read_json(good) == {"ε": 1}
    with pytest.raises(BadInput, match="bad is no text in UTF-8: invalid start byte at byte 3"):
        context.read_text(bad)
    with pytest.raises(BadInput, match="bad is damaged"):
        context.read_json(bad)


def test_where_nothing_can_be_written_is_said_before(tmp_path: Path) -> None:
    ensure_writable(tmp_path / "new.html")
    with pytest.raises(BadInput, match=r"there is no folder .*none; make it"):
        ensure_writable(tmp_path / "none" / "new.html")
    with pytest.raises(BadInput, match="is a folder; name a file in it"):
        ensure_writable(tmp_path)


def test_a_password_is_taken_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_PASSWORD", "pepper")
    monkeypatch.setenv("TALLY_NEW_PASSWORD", "salt")
    assert context.password_of(Path("a.key")) == "pepper"
    assert context.password_of(Path("a.key"), variable="TALLY_NEW_PASSWORD") == "salt"


def test_a_missing_part_comes_with_what_brings_it_and_a_defect_does_not() -> None:
    missing = "audits need numpy, which is not installed: pip install"
    with pytest.raises(BadInput, match=missing), context.learning_parts("audits"):
        raise ModuleNotFoundError("no", name="numpy")
    with pytest.raises(ModuleNotFoundError), context.learning_parts("audits"):
        raise ModuleNotFoundError("no", name="tallystick.nothing")
