"""Members with their keys and accounts."""

from ...base.codec import Record
from ...base.ids import Role


class Device(Record):
    """A key that may post and report in its member's name."""

    key: bytes
    until: int


class Member(Record):
    """An organisation: its keys, roles and standing with the others."""

    member: str
    key: bytes
    encryption_key: bytes
    roles: tuple[Role, ...]
    active: bool = True
    devices: tuple[Device, ...] = ()
    software: bytes = b""


class Account(Record):
    """What a member has, and which of its transaction numbers are used."""

    balance: int = 0
    credit: int = 0
    low: int = 0
    ahead: tuple[int, ...] = ()  # used numbers above the lowest unused one
    seen: int = 0


class KeyUse(Record):
    """Whose key this is, for ever: keys are not used twice."""

    member: str
