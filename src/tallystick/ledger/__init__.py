"""The ledger: a pure state machine in integers, without clock or input and output."""
