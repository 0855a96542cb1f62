"""Ed25519 keys, signatures and password-protected key files, through one library (libsodium by PyNaCl).

Policy. A signature counts exactly when libsodium accepts it: S B = R + k A without a cofactor, S below the
group order, neither A nor R of low order, A in its one encoding. A key is admitted (`acceptable`) only if it
is also of prime order: no admitted key has a second encoding, or a signature that fits many messages.
No other implementation may judge the same signature: they differ on crafted ones.
"""

import json
import os
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol, Self, final

from nacl import bindings
from nacl.exceptions import BadSignatureError, CryptoError

# The base point plus the point of order 2: libsodium before PyNaCl 1.6.2 takes it for a sound key
# (CVE-2025-69277), and members that judge keys differently would part ways.
MIXED_ORDER: Final = bytes.fromhex("95" + "99" * 31)
if not bindings.has_crypto_core_ed25519 or bindings.crypto_core_ed25519_is_valid_point(MIXED_ORDER):
    raise ImportError("this PyNaCl cannot tell sound keys from crooked ones; install pynacl 1.6.2 or newer")

PUBLIC_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
SEED_BYTES: Final = 32
POSSESSION: Final = b"tallystick possession of a key 1\x00"
WORTH_A_THREAD: Final = 64  # signatures; below this, starting threads costs more than it saves

FORMAT: Final = "tallystick-key"
VERSION: Final = 1
FILE_LIMIT: Final = 16_384
OPERATIONS: Final = 3  # RFC 9106's second recommended choice: 3 passes over 64 MiB
MEMORY: Final = 64 * 2**20
OPERATION_BOUNDS: Final = (1, 16)
MEMORY_BOUNDS: Final = (2**20, 2**30)


class KeyFileError(Exception):
    """A key file could not be written, read or opened; the message says why and what to do."""


class Signer(Protocol):
    """Whoever signs under a public key, wherever the private one is kept."""

    @property
    def public(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


@final
class SigningKey:
    """A private key at hand; `public` is what others know it by."""

    __slots__ = ("_secret", "public")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a key's seed has {SEED_BYTES} bytes, not {len(seed)}")
        self.public, self._secret = bindings.crypto_sign_seed_keypair(bytes(seed))

    @classmethod
    def generate(cls) -> Self:
        return cls(os.urandom(SEED_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        return cls(seed)

    @property
    def seed(self) -> bytes:
        return self._secret[:SEED_BYTES]

    def sign(self, message: bytes) -> bytes:
        return bindings.crypto_sign(message, self._secret)[:SIGNATURE_BYTES]

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.hex()})"

    def __reduce__(self) -> str:
        raise TypeError("a private key is not pickled or copied; use save_key")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` over `message` is by the holder of `public`."""
    if len(signature) != SIGNATURE_BYTES or len(public) != PUBLIC_BYTES:
        return False
    try:
        bindings.crypto_sign_open(signature + message, public)
    except BadSignatureError:
        return False
    return True


def verify_many(triples: Sequence[tuple[bytes, bytes, bytes]], threads: int | None = None) -> list[bool]:
    """`verify` for each (public, message, signature); libsodium runs outside the interpreter's lock."""
    wanted = threads if threads is not None else (os.cpu_count() or 1)
    wanted = min(wanted, len(triples) // WORTH_A_THREAD)
    if wanted < 2:
        return [verify(*triple) for triple in triples]
    size = -(-len(triples) // wanted)
    parts = [triples[start : start + size] for start in range(0, len(triples), size)]
    with ThreadPoolExecutor(wanted) as pool:
        return [good for part in pool.map(_verify_part, parts) for good in part]


def _verify_part(triples: Sequence[tuple[bytes, bytes, bytes]]) -> list[bool]:
    return [verify(*triple) for triple in triples]


def acceptable(public: bytes) -> bool:
    """Whether a key may be registered: canonical, on the curve, of prime order (neither low nor mixed)."""
    return len(public) == PUBLIC_BYTES and bindings.crypto_core_ed25519_is_valid_point(bytes(public))


def prove_possession(key: Signer, context: bytes) -> bytes:
    """A signature that shows, for `context` alone, that whoever brings a public key holds its private one."""
    return key.sign(POSSESSION + key.public + context)


def possession_holds(public: bytes, context: bytes, proof: bytes) -> bool:
    return acceptable(public) and verify(public, POSSESSION + public + context, proof)


def save_key(
    path: str | Path,
    key: SigningKey,
    password: str | None,
    *,
    operations: int = OPERATIONS,
    memory: int = MEMORY,
) -> None:
    """Write a new key file that only its owner may read; an existing file is never overwritten.

    Without a password (None) the key lies open in it: for machines that start without a person.
    """
    path = Path(path)
    document: dict[str, object] = {
        "format": FORMAT,
        "version": VERSION,
        "alg": "ed25519",
        "public": key.public.hex(),
    }
    if password is None:
        document |= {"kdf": {"name": "none"}, "secret": key.seed.hex()}
    else:
        document |= _sealed(path, key, password, operations, memory)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(json.dumps(document, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise KeyFileError(f"{path} exists already; choose another name, or move the old key away") from None
    except OSError as error:
        raise KeyFileError(f"{path} could not be written: {error.strerror}") from None


def _sealed(path: Path, key: SigningKey, password: str, operations: int, memory: int) -> dict[str, object]:
    if not password:
        raise KeyFileError("a key file's password may not be empty")
    salt = os.urandom(bindings.crypto_pwhash_SALTBYTES)
    nonce = os.urandom(bindings.crypto_secretbox_NONCEBYTES)
    lock = _derive(path, password, salt, operations, memory)
    return {
        "kdf": {"name": "argon2id", "operations": operations, "memory": memory, "salt": salt.hex()},
        "cipher": {"name": "xsalsa20-poly1305", "nonce": nonce.hex()},
        "secret": bindings.crypto_secretbox(key.seed, nonce, lock).hex(),
    }


def load_key(path: str | Path, password: str | None = None) -> SigningKey:
    """Open a key file that `save_key` wrote; a file without a password ignores the one given."""
    path = Path(path)
    document = _read(path)
    kdf = _part(path, document, "kdf")
    _ensure_known(path, "key", document.get("alg"), "ed25519")
    public = _bytes(path, document, "public", PUBLIC_BYTES)
    if kdf.get("name") == "none":
        key = SigningKey(_bytes(path, document, "secret", SEED_BYTES))
    elif password is None:
        raise KeyFileError(f"{path} is protected by a password; give it")
    else:
        key = SigningKey(_opened(path, document, kdf, password))
    if key.public != public:
        raise KeyFileError(f"{path} names public key {public.hex()} but holds another; it was altered")
    return key


def _opened(path: Path, document: dict[str, object], kdf: dict[str, object], password: str) -> bytes:
    cipher = _part(path, document, "cipher")
    _ensure_known(path, "key derivation", kdf.get("name"), "argon2id")
    _ensure_known(path, "cipher", cipher.get("name"), "xsalsa20-poly1305")
    salt = _bytes(path, kdf, "salt", bindings.crypto_pwhash_SALTBYTES)
    nonce = _bytes(path, cipher, "nonce", bindings.crypto_secretbox_NONCEBYTES)
    secret = _bytes(path, document, "secret", SEED_BYTES + bindings.crypto_secretbox_MACBYTES)
    lock = _derive(path, password, salt, kdf.get("operations"), kdf.get("memory"))
    try:
        return bindings.crypto_secretbox_open(secret, nonce, lock)
    except CryptoError:
        raise KeyFileError(f"{path}: the password is wrong, or the file was altered") from None


def protected(path: str | Path) -> bool:
    """Whether a key file asks for a password."""
    return _part(Path(path), _read(Path(path)), "kdf").get("name") != "none"


def public_of(path: str | Path) -> bytes:
    """The public key that a key file names; needs no password and is unproven until the file is opened."""
    return _bytes(Path(path), _read(Path(path)), "public", PUBLIC_BYTES)


def _read(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            text = file.read(FILE_LIMIT + 1)
    except FileNotFoundError:
        raise KeyFileError(f"there is no key file {path}") from None
    except OSError as error:
        raise KeyFileError(f"{path} could not be read: {error.strerror}") from None
    try:
        document = json.loads(text) if len(text) <= FILE_LIMIT else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise KeyFileError(f"{path} is not a key file, or is cut short; restore it from its copy")
    if document.get("version") != VERSION:
        found = document.get("version")
        raise KeyFileError(f"{path} is of version {found!r}; this program knows version {VERSION}")
    return document


def _ensure_known(path: Path, what: str, found: object, known: str) -> None:
    if found != known:
        raise KeyFileError(f"{path} uses the {what} {found!r}; this program knows {known!r}")


def _part(path: Path, document: dict[str, object], name: str) -> dict[str, object]:
    part = document.get(name)
    if not isinstance(part, dict):
        raise KeyFileError(f"{path} lacks its part {name!r}; restore it from its copy")
    return part


def _bytes(path: Path, part: dict[str, object], name: str, size: int) -> bytes:
    text = part.get(name)
    try:
        value = bytes.fromhex(text) if isinstance(text, str) and len(text) == 2 * size else b""
    except ValueError:
        value = b""
    if len(value) != size:
        raise KeyFileError(f"{path}: {name!r} is not {size} bytes in hexadecimal; restore it from its copy")
    return value


def _bounded(path: Path, name: str, value: object, bounds: tuple[int, int]) -> int:
    """Checked before use, so that a file cannot exhaust the machine."""
    if type(value) is not int or not bounds[0] <= value <= bounds[1]:
        raise KeyFileError(
            f"{path}: its key derivation's {name} is {value!r}, not in {bounds[0]}..{bounds[1]}"
        )
    return value


def _derive(path: Path, password: str, salt: bytes, operations: object, memory: object) -> bytes:
    """The key that the password opens the file with."""
    passes = _bounded(path, "operations", operations, OPERATION_BOUNDS)
    room = _bounded(path, "memory", memory, MEMORY_BOUNDS)
    secret = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    size, kind = bindings.crypto_secretbox_KEYBYTES, bindings.crypto_pwhash_ALG_ARGON2ID13
    try:
        return bindings.crypto_pwhash_alg(size, secret, salt, passes, room, kind)
    except CryptoError:
        raise KeyFileError(f"{path}: its key derivation needs {room} bytes of free memory") from None
