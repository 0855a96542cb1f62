"""Data beside its owner: read it, describe it, clean and mask it, divide it, and serve it in batches."""
