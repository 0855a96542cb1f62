"""Commands that read a ledger and sign transactions for it."""
