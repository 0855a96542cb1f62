"""The node: what runs beside a member's data, from looking at the ledger to posting what was made."""
