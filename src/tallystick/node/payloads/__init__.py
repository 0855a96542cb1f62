"""The bytes that hashes on the ledger stand for: kept and served by nodes."""
