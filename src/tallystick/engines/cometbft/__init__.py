"""A ledger that several organisations run: CometBFT orders transactions, this package executes them."""
