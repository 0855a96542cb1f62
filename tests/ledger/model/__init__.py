"""Random histories of the ledger: members that play by the rules and break them, and books kept beside it.

`python -m tests.ledger.model SEED` plays one again and tells what happened; `faults_histories` plays all.
"""
