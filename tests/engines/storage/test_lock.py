"""One writer at a time: whoever comes second is told who the first is, and what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tallystick.engines.engine import EngineError, LedgerInUse, NoLedger
from tallystick.engines.storage.lock import NAME, WriterLock

HOLD = (
    "import sys; from pathlib import Path; from tallystick.engines.storage.lock import WriterLock; "
    "lock = WriterLock(Path(sys.argv[1]), create=True); print('held', flush=True); sys.stdin.read()"
)


def test_a_second_one_in_this_process_is_told_that_it_is_this_one(tmp_path: Path):
    lock = WriterLock(tmp_path, create=False)
    with pytest.raises(LedgerInUse, match="which is this one; hand on what opened it"):
        WriterLock(tmp_path, create=False)
    lock.release()
    lock.release()
    WriterLock(tmp_path, create=False).release()


def test_another_process_is_named_and_its_end_is_the_locks(tmp_path: Path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        with pytest.raises(LedgerInUse, match=rf"process {other.pid}; open it read-only"):
            WriterLock(tmp_path, create=False)
        other.kill()
    WriterLock(tmp_path, create=False).release()


def test_a_folder_is_made_only_where_a_ledger_is_begun(tmp_path: Path):
    with pytest.raises(NoLedger, match="no ledger in"):
        WriterLock(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    WriterLock(tmp_path / "new", create=True).release()
    assert (tmp_path / "new" / NAME).exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match="cannot be written"):
        WriterLock(tmp_path / "file", create=True)
