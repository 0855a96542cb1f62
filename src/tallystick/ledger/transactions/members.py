"""Members' own keys, devices and software."""

from ...base.ids import Digest, PublicKey, Signature, Time
from .body import Body


class RotateKey(Body):
    """Replace one's key; the id stays.

    Refused: Suspended, DeviceMayNot, KeyRefused.
    """

    key: PublicKey
    possession: Signature
    encryption_key: PublicKey


class AddDevice(Body):
    """Let a device's key post and report in one's name.

    Refused: Suspended, DeviceMayNot, KeyRefused, OutOfRange, AlreadyExists.
    """

    key: PublicKey
    possession: Signature
    until: Time


class RemoveDevice(Body):
    """Take a device's key back.

    Refused: Suspended, DeviceMayNot, UnknownRecord.
    """

    key: PublicKey


class SetValidator(Body):
    """Name the key with which one's node votes on blocks; it replaces the one before.

    Refused: Suspended, DeviceMayNot, WrongRole, KeyRefused.
    """

    key: PublicKey
    possession: Signature


class Report(Body):
    """Say which software one runs.

    Refused: Suspended.
    """

    software: Digest
