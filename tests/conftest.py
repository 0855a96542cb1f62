"""What holds for every test: the same examples on every run, so that a failure can be repeated."""

from hypothesis import settings

# No deadline: a first example may wait for a compiler. No database: nothing is left behind in the tree.
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("repeatable")
