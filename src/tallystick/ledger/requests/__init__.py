"""A request from its posting to its end: forming, turns, phases, rounds, scores, elections, settlement."""
