"""Keys: the stated policy against published and crafted edge cases, possession, and key files."""

import copy
import json
import pickle
import stat
from hashlib import sha512
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.base import keys
from tallystick.base.keys import KeyFileError, Signer, SigningKey
from tests.vectors.ed25519 import edges

WYCHEPROOF = json.loads((Path(__file__).parents[1] / "vectors/ed25519/wycheproof.json").read_text())
CHEAP = {"operations": 1, "memory": 2**20}

# RFC 8032 section 7.1, tests 1 and 2: seed, public key, message, signature
RFC = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0"
        "595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eae"
        "b4302aeeb00d291612bb0c00",
    ),
]


@pytest.mark.parametrize("seed, public, message, signature", RFC)
def test_signs_as_the_standard_does(seed, public, message, signature):
    key = SigningKey.from_seed(bytes.fromhex(seed))

    assert key.public.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert keys.verify(key.public, bytes.fromhex(message), bytes.fromhex(signature))


def test_published_vectors_behave_as_the_policy_says():
    """Valid ones count; the rest does not, or its key is refused at registration."""
    for number, public, message, signature, result, flag, comment in WYCHEPROOF["rows"]:
        key = bytes.fromhex(public)
        counts = keys.verify(key, bytes.fromhex(message), bytes.fromhex(signature))
        admitted = keys.acceptable(key)
        crooked = flag in ("SmallOrderPublicKey", "MixedOrderPublicKey")

        assert admitted == (not crooked), (number, comment)
        assert (counts and admitted) == (result == "valid"), (number, comment)
    assert len(WYCHEPROOF["rows"]) == 210


def test_crafted_signatures_count_exactly_when_the_policy_says():
    seen = set()
    for case in edges.crafted():
        key = case.key
        expected = case.holds and key.canonical and not key.low and not case.commitment.low

        assert keys.verify(key.bytes, case.message, case.signature) == expected, case
        seen.add((case.holds, key.low, key.canonical, key.honest, case.commitment.low, expected))
    assert len(seen) > 12


def test_only_keys_of_prime_order_in_their_one_encoding_are_admitted():
    for point in edges.points(b"any"):
        assert keys.acceptable(point.bytes) == point.honest, point
    assert sum(not point.canonical for point in edges.points(b"any")) == 6


@pytest.mark.parametrize("sign", [0, 1])
def test_no_encoding_with_y_of_p_or_more_is_admitted(sign):
    for y in range(edges.P, 2**255):
        assert not keys.acceptable((y | sign << 255).to_bytes(32, "little"))


def test_the_key_that_older_libraries_mistake_is_refused():
    two = edges.encode(edges.add(edges.BASE, (0, edges.P - 1)))

    assert two == keys.MIXED_ORDER
    assert not keys.acceptable(two)


def test_what_is_no_point_is_no_key():
    beside = next(y for y in range(2, 50) if edges.lift(y) is None)

    assert not keys.acceptable(beside.to_bytes(32, "little"))
    assert not keys.acceptable(b"")
    assert not keys.acceptable(SigningKey.generate().public + b"\x00")
    assert not keys.acceptable(SigningKey.generate().public[:31])


def test_a_signature_has_one_form():
    """Adding the group order to S gives the same equation; it must not count."""
    key, message = SigningKey(bytes(32)), b"pay 5"
    signature = key.sign(message)
    scalar = int.from_bytes(signature[32:], "little")
    others = [signature[:32] + (scalar + n * edges.L).to_bytes(32, "little") for n in range(1, 15)]

    assert keys.verify(key.public, message, signature)
    assert not any(keys.verify(key.public, message, other) for other in others)


def test_every_flipped_bit_is_refused():
    key, message = SigningKey(bytes(range(32))), b"give unit 7 to plant-2"
    signature = key.sign(message)
    whole = key.public + message + signature
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        public, rest = bytes(flipped[:32]), bytes(flipped[32:])

        assert not keys.verify(public, rest[: len(message)], rest[len(message) :])


@given(st.binary(max_size=40), st.binary(max_size=80), st.binary(max_size=80))
def test_garbage_is_false_never_an_error(public, message, signature):
    assert keys.verify(public, message, signature) is False
    assert keys.possession_holds(public, message, signature) is False


def test_bytes_cannot_move_between_signature_and_message():
    key = SigningKey.generate()
    signature = key.sign(b"ab")

    assert not keys.verify(key.public, b"b", signature + b"a")
    assert not keys.verify(key.public, signature[63:] + b"ab", signature[:63])


@pytest.mark.parametrize("count", [0, 1, 63, 64, 200])
@pytest.mark.parametrize("threads", [None, 1, 2, 3])
def test_many_at_once_answer_as_one_by_one(count, threads):
    key = SigningKey.generate()
    triples = []
    for number in range(count):
        message = b"%d" % number
        signature = key.sign(message if number % 3 else b"another")
        triples.append((key.public, message, signature))

    assert keys.verify_many(triples, threads) == [keys.verify(*triple) for triple in triples]
    assert keys.verify_many(triples, threads) == [number % 3 > 0 for number in range(count)]


def test_possession_is_shown_for_one_key_and_one_context():
    key, other = SigningKey.generate(), SigningKey.generate()
    proof = keys.prove_possession(key, b"chain-1/plant-7")

    assert keys.possession_holds(key.public, b"chain-1/plant-7", proof)
    assert not keys.possession_holds(key.public, b"chain-2/plant-7", proof)
    assert not keys.possession_holds(other.public, b"chain-1/plant-7", proof)
    assert not keys.verify(key.public, b"chain-1/plant-7", proof)


def test_possession_of_a_crooked_key_never_holds():
    """A signature that fits every message: key and commitment the neutral point, S = 0."""
    neutral = (1).to_bytes(32, "little")

    assert not keys.possession_holds(neutral, b"any", neutral + bytes(32))
    assert not keys.verify(neutral, b"any", neutral + bytes(32))


def test_possession_of_a_key_of_mixed_order_never_holds():
    """Its holder can sign, now and then; such a key would have signatures on which libraries differ."""
    key = next(point for point in edges.points(b"mixed") if point.torsion == 2 and not point.low)
    nonce = edges.points(b"nonce")[0]
    for trial in range(99):
        context = b"context %d" % trial
        message = keys.POSSESSION + key.bytes + context
        k = int.from_bytes(sha512(nonce.bytes + key.bytes + message).digest(), "little") % edges.L
        if k % 4 == 0:
            break
    proof = nonce.bytes + ((nonce.scalar + k * key.scalar) % edges.L).to_bytes(32, "little")

    assert keys.verify(key.bytes, message, proof)
    assert not keys.possession_holds(key.bytes, context, proof)


def test_a_private_key_is_not_shown_or_copied():
    key = SigningKey(bytes(range(32)))

    assert bytes(range(32)).hex() not in repr(key) and key.public.hex() in repr(key)
    for spread in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="save_key"):
            spread(key)
    with pytest.raises(ValueError, match="32 bytes, not 5"):
        SigningKey(b"short")


@pytest.mark.parametrize("password", ["correct horse", "ein schönes Paßwort", None])
def test_a_key_file_gives_the_key_back(tmp_path, password):
    key = SigningKey.generate()
    path = tmp_path / "plant7.key"
    keys.save_key(path, key, password, **CHEAP)
    loaded = keys.load_key(path, password)

    assert loaded.seed == key.seed and loaded.public == key.public
    assert keys.public_of(path) == key.public
    assert keys.protected(path) == (password is not None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (key.seed.hex() in path.read_text()) == (password is None)


def test_one_password_typed_on_two_keyboards_is_one_password(tmp_path):
    """Accents come composed or combining, depending on the system."""
    keys.save_key(tmp_path / "k", SigningKey(bytes(32)), "caf\u00e9", **CHEAP)

    assert keys.load_key(tmp_path / "k", "cafe\u0301").seed == bytes(32)


def test_default_cost_is_the_recommended_one(tmp_path):
    keys.save_key(tmp_path / "k", SigningKey(bytes(32)), "x")
    kdf = json.loads((tmp_path / "k").read_text())["kdf"]

    assert (kdf["name"], kdf["operations"], kdf["memory"]) == ("argon2id", 3, 64 * 2**20)


def test_an_existing_file_is_never_overwritten(tmp_path):
    path = tmp_path / "k"
    path.write_text("precious")
    with pytest.raises(KeyFileError, match="exists already"):
        keys.save_key(path, SigningKey.generate(), None)

    assert path.read_text() == "precious"


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(KeyFileError, match="could not be written"):
        keys.save_key(tmp_path / "missing" / "k", SigningKey.generate(), None)
    with pytest.raises(KeyFileError, match="may not be empty"):
        keys.save_key(tmp_path / "k", SigningKey.generate(), "")
    with pytest.raises(KeyFileError, match="memory is 1, not in"):
        keys.save_key(tmp_path / "k", SigningKey.generate(), "x", memory=1)

    assert list(tmp_path.iterdir()) == []


def altered(document, change):
    document = copy.deepcopy(document)
    for place, value in change.items():
        *outer, name = place.split(".")
        part = document
        for step in outer:
            part = part[step]
        if value is ...:
            del part[name]
        else:
            part[name] = value
    return json.dumps(document)


BAD = [
    ({"format": "pem"}, "not a key file"),
    ({"version": 2}, "version 2"),
    ({"version": ...}, "version None"),
    ({"alg": "p256"}, "'p256'"),
    ({"kdf": 5}, "lacks its part 'kdf'"),
    ({"kdf.name": "scrypt"}, "'scrypt'"),
    ({"kdf.operations": 10**9}, "operations is 1000000000"),
    ({"kdf.operations": 0}, "operations is 0"),
    ({"kdf.operations": True}, "operations is True"),
    ({"kdf.memory": 2**40}, "memory is 1099511627776"),
    ({"kdf.memory": "64"}, "memory is '64'"),
    ({"kdf.memory": 1e6}, "memory is 1000000.0"),
    ({"kdf.salt": "00"}, "'salt' is not 16 bytes"),
    ({"cipher": ...}, "lacks its part 'cipher'"),
    ({"cipher.name": "aes"}, "'aes'"),
    ({"cipher.nonce": "zz" * 24}, "'nonce' is not 24 bytes"),
    ({"cipher.nonce": "00" * 24}, "password is wrong, or the file was altered"),
    ({"secret": "00" * 47}, "'secret' is not 48 bytes"),
    ({"secret": "00" * 48}, "password is wrong, or the file was altered"),
    ({"public": "00" * 32}, "holds another"),
    ({"public": None}, "'public' is not 32 bytes"),
]


@pytest.mark.parametrize("change, says", BAD)
def test_an_altered_key_file_gives_one_clear_error(tmp_path, change, says):
    path = tmp_path / "plant7.key"
    keys.save_key(path, SigningKey(bytes(32)), "pw", **CHEAP)
    path.write_text(altered(json.loads(path.read_text()), change))
    with pytest.raises(KeyFileError, match=says) as caught:
        keys.load_key(path, "pw")

    assert "plant7.key" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("password, says", [("PW", "password is wrong"), ("", "wrong"), (None, "protected")])
def test_a_wrong_password_gives_one_clear_error(tmp_path, password, says):
    keys.save_key(tmp_path / "k", SigningKey(bytes(32)), "pw", **CHEAP)
    with pytest.raises(KeyFileError, match=says):
        keys.load_key(tmp_path / "k", password)


def test_an_open_key_file_that_was_altered_is_seen(tmp_path):
    path = tmp_path / "k"
    keys.save_key(path, SigningKey(bytes(32)), None)
    path.write_text(altered(json.loads(path.read_text()), {"secret": "01" * 32}))
    with pytest.raises(KeyFileError, match="holds another"):
        keys.load_key(path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"5", b"\xff\xfe\x00", b"[" * 9_000, b"{}" + b" " * 20_000, b"\x00" * 100]
)
def test_garbage_is_no_key_file(tmp_path, content):
    (tmp_path / "k").write_bytes(content)
    with pytest.raises(KeyFileError, match="not a key file"):
        keys.load_key(tmp_path / "k", "pw")


def test_a_file_far_too_long_is_no_key_file(tmp_path):
    path = tmp_path / "k"
    keys.save_key(path, SigningKey(bytes(32)), None)
    path.write_text(path.read_text() + " " * 20_000)
    with pytest.raises(KeyFileError, match="not a key file"):
        keys.load_key(path)


def test_a_cut_file_gives_one_clear_error_at_every_length(tmp_path):
    path = tmp_path / "k"
    keys.save_key(path, SigningKey(bytes(32)), "pw", **CHEAP)
    whole = path.read_bytes()
    for length in range(len(whole) - 2):
        path.write_bytes(whole[:length])
        with pytest.raises(KeyFileError):
            keys.load_key(path, "pw")


def test_what_is_not_there_or_no_file_is_said(tmp_path):
    with pytest.raises(KeyFileError, match="there is no key file"):
        keys.load_key(tmp_path / "none", "pw")
    with pytest.raises(KeyFileError, match="could not be read"):
        keys.load_key(tmp_path, "pw")


class Elsewhere:
    """A signer whose private key is kept where nobody here can read it."""

    def __init__(self) -> None:
        key = SigningKey.generate()
        self.public, self.sign = key.public, key.sign


def test_whoever_signs_can_prove_possession():
    signer: Signer = Elsewhere()
    proof = keys.prove_possession(signer, b"here")
    assert keys.possession_holds(signer.public, b"here", proof)
    assert not keys.possession_holds(signer.public, b"there", proof)
    assert not keys.possession_holds(SigningKey.generate().public, b"here", proof)
