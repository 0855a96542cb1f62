"""A member's own keys, devices and software: its id stays, whatever key it holds."""

from ...base import keys
from ...base.ids import digest
from .. import notices
from .. import rejections as no
from .. import transactions as tx
from ..records import Device, KeyUse, ValidatorKey
from ..rejections import ensure, refusing
from ..state import KEYS, MEMBERS, VALIDATOR_KEYS, VALIDATORS, Draft

MAX_DEVICES = 16

# An agreed secret with one of these x-coordinates on Curve25519 would be known to everybody.
_CURVE25519_PRIME = 2**255 - 19
_SMALL_ORDER = (
    0,
    1,
    _CURVE25519_PRIME - 1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)


def possession_context(chain: str, member: str) -> bytes:
    """What a proof of possession is bound to: it serves one member on one chain."""
    return digest(b"possession", chain.encode(), member.encode())


def ensure_key(draft: Draft, member: str, key: bytes, possession: bytes) -> None:
    """Refuse a key that is unacceptable, was ever used on this chain, or is not shown to be held."""
    name = key.hex()
    sound = keys.acceptable(key)
    ensure(sound, refusing(no.KeyRefused, key=name, reason="it is no Ed25519 key of prime order"))
    used = draft.find(KEYS, name)
    if used:
        raise no.KeyRefused(key=name, reason=f"it is or was a key of {used.member!r}; no key is used twice")
    held = keys.possession_holds(key, possession_context(draft.chain, member), possession)
    ensure(held, refusing(no.KeyRefused, key=name, reason=f"the proof that {member!r} holds it is wrong"))


def ensure_encryption_key(key: bytes) -> None:
    """Refuse an encryption key under which anybody could read."""
    secret = int.from_bytes(key, "little") % 2**255 % _CURVE25519_PRIME not in _SMALL_ORDER
    ensure(secret, refusing(no.KeyRefused, key=key.hex(), reason="encrypting to it hides nothing"))


def claim_key(draft: Draft, member: str, key: bytes) -> None:
    """Write down for ever whose key this is."""
    draft.put(KEYS, KeyUse(member), key.hex())


def rotate_key(draft: Draft, body: tx.RotateKey) -> None:
    """Replace the sender's key; its id, devices and tokens stay."""
    # CHECKS
    ensure_key(draft, draft.sender, body.key, body.possession)
    ensure_encryption_key(body.encryption_key)

    # EFFECTS
    claim_key(draft, draft.sender, body.key)
    draft.change(MEMBERS, draft.sender, key=body.key, encryption_key=body.encryption_key)
    draft.emit(notices.KeyReplaced(draft.sender, body.key, recovered=False))


def add_device(draft: Draft, body: tx.AddDevice) -> None:
    """Let a device's key post and report for the sender; devices past their time make room."""
    # CHECKS
    member = draft.get(MEMBERS, draft.sender)
    known = any(device.key == body.key for device in member.devices)
    ensure(not known, refusing(no.AlreadyExists, table="device", id=body.key.hex()))
    ensure_key(draft, draft.sender, body.key, body.possession)
    later = f"later than {draft.time}"
    ensure(draft.time < body.until, refusing(no.OutOfRange, field="until", value=body.until, bound=later))
    devices = tuple(device for device in member.devices if draft.time < device.until)
    many, most = len(devices) + 1, f"at most {MAX_DEVICES}"
    ensure(many <= MAX_DEVICES, refusing(no.OutOfRange, field="devices", value=many, bound=most))

    # EFFECTS
    claim_key(draft, draft.sender, body.key)
    draft.change(MEMBERS, draft.sender, devices=(*devices, Device(body.key, body.until)))
    draft.emit(notices.DeviceAdded(draft.sender, body.key))


def remove_device(draft: Draft, body: tx.RemoveDevice) -> None:
    """Take a device's key back at once."""
    # CHECKS
    member = draft.get(MEMBERS, draft.sender)
    devices = tuple(device for device in member.devices if device.key != body.key)
    known = len(devices) < len(member.devices)
    ensure(known, refusing(no.UnknownRecord, table="device", id=body.key.hex()))

    # EFFECTS
    draft.change(MEMBERS, draft.sender, devices=devices)
    draft.emit(notices.DeviceRemoved(draft.sender, body.key))


def set_validator(draft: Draft, body: tx.SetValidator) -> None:
    """Name the key with which the sender's node votes on blocks, from a block soon after this one."""
    # CHECKS
    ensure_key(draft, draft.sender, body.key, body.possession)
    validators = draft.find(VALIDATORS)
    role = validators.role if validators else "validator, as nobody has where one process signs the blocks"
    may = role in draft.get(MEMBERS, draft.sender).roles
    ensure(may, refusing(no.WrongRole, member=draft.sender, role=role))

    # EFFECTS
    claim_key(draft, draft.sender, body.key)
    draft.put(VALIDATOR_KEYS, ValidatorKey(body.key), draft.sender)
    draft.emit(notices.ValidatorNamed(draft.sender, body.key))


def report(draft: Draft, body: tx.Report) -> None:
    """Write down which software the sender runs."""
    draft.change(MEMBERS, draft.sender, software=body.software)
    draft.emit(notices.SoftwareReported(draft.sender, body.software))
