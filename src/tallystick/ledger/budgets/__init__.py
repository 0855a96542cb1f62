"""Privacy budgets: what an event costs as a curve, and what is reserved before it is spent."""
