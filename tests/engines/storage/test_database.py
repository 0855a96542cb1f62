"""SQLite as the store uses it: damage is told from a disk that does not answer, and writes are whole."""

import sqlite3
from pathlib import Path

import pytest

from tallystick.engines.storage.database import DamagedStore
from tallystick.engines.storage.store import Store


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"garbage" * 1000)
    with pytest.raises(DamagedStore, match="not a database"):
        Store(tmp_path / "db")
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE x (y)").connection.close()
    with pytest.raises(DamagedStore, match="format 0"):
        Store(tmp_path / "other")
