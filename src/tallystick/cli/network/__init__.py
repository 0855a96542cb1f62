"""Commands for a ledger that several organisations run."""
