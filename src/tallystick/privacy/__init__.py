"""Noise with its cost: mechanisms that name their event, accounting, audits and the secure sum."""
