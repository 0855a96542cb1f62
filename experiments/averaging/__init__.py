"""fdc (Yin et al.) § V: schools that average what they learn of movement at a wrist."""
