"""How members learn, judge and combine models: pure functions, no ledger, no network, no scheme."""
