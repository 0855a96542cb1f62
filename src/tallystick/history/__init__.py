"""What a ledger says happened: replayed, followed live, as figures and as sentences."""
