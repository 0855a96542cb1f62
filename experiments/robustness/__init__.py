"""Which way to combine models withstands which attack."""
