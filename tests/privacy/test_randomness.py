"""Words: uniform, repeatable only by a seed, and one stream whatever the pieces."""

import numpy as np

from tallystick.privacy.randomness import key_stream, seeded, system


def test_a_seed_repeats_and_parts_of_it_do_not_collide() -> None:
    """Simulation repeats; ("1", 23) is not ("12", 3) and 1 is not "1"."""
    assert np.array_equal(seeded("run", 7)(100), seeded("run", 7)(100))
    seeds: list[tuple[int | str, ...]] = [("1", 23), ("12", 3), (1, 23), ("1, 23",), ()]
    heads = [int(seeded(*seed)(1)[0]) for seed in seeds]
    assert len(set(heads)) == len(heads)


def test_the_system_never_repeats() -> None:
    """Two calls, two keys."""
    assert not np.array_equal(system()(4), system()(4))


def test_pieces_make_the_same_stream_as_one_draw() -> None:
    """Going on is going on, across the block size too."""
    whole, pieces = seeded("s"), seeded("s")
    sizes = [1, 2, 8191, 8192, 8193, 3]

    assert np.array_equal(whole(sum(sizes)), np.concatenate([pieces(size) for size in sizes]))
    fill, again = key_stream(bytes(32)), key_stream(bytes(32))
    parts = [np.empty(5, np.uint8), np.empty(200_000, np.uint8)]
    both = np.empty(200_005, np.uint8)
    for part in parts:
        fill(part)
    again(both)
    assert np.array_equal(np.concatenate(parts), both)


def test_bits_are_fair() -> None:
    """Each of the 64 bits is set half the time (six standard deviations)."""
    bits = np.unpackbits(seeded("fair")(100_000).view(np.uint8)).reshape(100_000, 64).mean(axis=0)

    assert np.abs(bits - 0.5).max() < 6 * 0.5 / np.sqrt(100_000)
