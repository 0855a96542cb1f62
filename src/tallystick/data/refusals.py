"""Why data is refused: one class per reason, each with what was wrong and what to do."""

from __future__ import annotations


class DataError(ValueError):
    """Data that cannot be used as it stands."""


class Unreadable(DataError):
    """A file that is broken, lies about itself, or is of a kind that is not opened."""


class TooLarge(Unreadable):
    """A file that would take more memory or disk than it may."""


class HoldsCode(Unreadable):
    """A file whose opening would run code: a pickle, or an array of Python objects."""


class MissingData(DataError):
    """A data set that is not on this machine; the message carries the command that brings it."""


class WrongDigest(DataError):
    """Bytes that are not those the catalogue names."""
