"""Coalition paper (He et al.) § 3.2: an average of models that nobody can read."""
