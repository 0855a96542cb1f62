"""Every bug that is planted, by subject."""

from __future__ import annotations

from tests.ledger.model.bugs import money, privacy, records, rights, rounds

BUGS = (*money.BUGS, *privacy.BUGS, *rights.BUGS, *rounds.BUGS, *records.BUGS)
