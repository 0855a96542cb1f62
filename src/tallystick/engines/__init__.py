"""Engines put transactions in order and let anyone with a header check the result."""
