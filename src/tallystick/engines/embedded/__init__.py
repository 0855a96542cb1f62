"""The default engine: one process orders, signs and keeps the blocks."""
