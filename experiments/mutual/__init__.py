"""bpcv (Liu et al.) § 6: members that train together and judge one another."""
