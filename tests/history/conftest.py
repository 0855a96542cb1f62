"""One followed request for all tests of what a ledger says happened."""

from __future__ import annotations

import pytest

from tests.history.followed import Followed, follow


@pytest.fixture(scope="session")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    return follow(tmp_path_factory.mktemp("followed") / "ledger")
