"""Many members in one process and in virtual time: the same nodes, the same ledger."""
