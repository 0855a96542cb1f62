"""What holds for every test: the same examples on every run, and programs that compile quickly."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# No deadline: a first example may wait for a compiler. No database: nothing is left behind in the tree.
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("repeatable")

# Most of the tests' time was XLA making small programs fast; processes that tests start do likewise.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")


@pytest.fixture(scope="module")
def compiled_as_for_users() -> Iterator[None]:
    """Programs optimised as a user's are: for tests of what optimising could change, such as last bits."""
    import jax

    before = jax.config.read("jax_disable_most_optimizations")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "false")  # for processes that are started meanwhile
        jax.clear_caches()
        jax.config.update("jax_disable_most_optimizations", False)
        yield
    jax.clear_caches()
    jax.config.update("jax_disable_most_optimizations", before)
