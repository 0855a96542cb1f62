"""Commands that learn: runs of simulated members, what they need, and what they came to."""
