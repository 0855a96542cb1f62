"""Boosted trees: LightGBM trains them, arrays carry them, our own code predicts with them."""
