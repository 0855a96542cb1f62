"""Ways to meet each refusal of the ledger on purpose, one file a subject, and the pairs to be met."""
