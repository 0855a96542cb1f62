"""Networks of validators on this machine, to be tested, broken and measured."""
