"""A folder for tests that open thousands of ledgers and need no disk that survives a power failure."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.subject import memory_folder


@pytest.fixture
def quick_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        yield Path(folder)
