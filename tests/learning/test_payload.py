"""Models travel as checked bytes: what is broken, hostile, foreign or replayed is refused with a reason."""

from __future__ import annotations

import json
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.learning.payload import (
    BadPayload,
    PayloadHeader,
    PayloadLimits,
    Spec,
    commitment,
    decode,
    encode,
    read,
    specs_of,
)

HEADER = PayloadHeader("plant-7", "request-00ff", 3, "ab" * 32)
MODEL: dict[str, np.ndarray] = {
    "dense/kernel": np.arange(12, dtype=np.float32).reshape(3, 4) / 7,
    "dense/bias": np.array([0.5, -0.25, 1e-3, 2], np.float32),
    "steps": np.array([41], np.int64),
    "mask": np.array([True, False]),
}
SPECS = specs_of(MODEL)
GOOD = encode(HEADER, MODEL)


def parts(payload: bytes = GOOD) -> tuple[dict, bytes]:
    length = int.from_bytes(payload[:8], "little")
    return json.loads(payload[8 : 8 + length]), payload[8 + length :]


def built(header: dict | bytes, values: bytes) -> bytes:
    """A payload of any header and values, padded as the format wants it."""
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + values


def changed(**entry: object) -> bytes:
    """The good payload with fields of the kernel's entry replaced."""
    header, values = parts()
    header["dense/kernel"] = {**header["dense/kernel"], **entry}
    return built(header, values)


def bound(**fields: object) -> bytes:
    """The good payload with another binding."""
    header, values = parts()
    header["__metadata__"] = {**header["__metadata__"], **fields}
    return built(header, values)


def valued(name: str, value: float, count: int = 1) -> bytes:
    """The good payload with values overwritten in place."""
    header, values = parts()
    at = header[name]["data_offsets"][0]
    raw = struct.pack("<f", value) * count
    return built(header, values[:at] + raw + values[at + len(raw) :])


def renamed(old: str, new: str) -> bytes:
    header, values = parts()
    return built({(new if name == old else name): entry for name, entry in header.items()}, values)


def pickled() -> bytes:
    class Opens:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (print, ("code ran",))

    return pickle.dumps(Opens())


def zipped() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.pkl", pickled() + bytes(10_000_000))
    return out.getvalue()


def with_extra(name: str, entry: object) -> bytes:
    header, values = parts()
    return built({**header, name: entry}, values)


def library(**metadata: str) -> bytes:
    """What the library itself writes of the same model."""
    return safetensors.numpy.save(MODEL, metadata or None)


def deep() -> bytes:
    return built(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", b"")


def many() -> bytes:
    header, values = parts()
    extra = {f"t{i}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for i in range(5000)}
    return built({**header, **extra}, values)


def swapped_offsets() -> bytes:
    header, values = parts()
    header["dense/kernel"]["data_offsets"], header["dense/bias"]["data_offsets"] = (
        header["dense/bias"]["data_offsets"],
        header["dense/kernel"]["data_offsets"],
    )
    return built(header, values)


def reordered() -> bytes:
    header, values = parts()
    return built(dict(reversed(header.items())), values)


def spaced() -> bytes:
    header, values = parts()
    return built(json.dumps(header).encode(), values)


def doubled_key() -> bytes:
    header, values = parts()
    text = json.dumps(header, separators=(",", ":"))
    return built(text[:-1].encode() + b',"steps":' + json.dumps(header["steps"]).encode() + b"}", values)


def truth(value: int) -> bytes:
    header, values = parts()
    at = header["mask"]["data_offsets"][0]
    return built(header, values[:at] + bytes([value]) + values[at + 1 :])


def sent(member: str = "plant-7", request: str = "request-00ff", number: int = 3, plan: str = "ab") -> bytes:
    """A sound payload with another binding."""
    return encode(PayloadHeader(member, request, number, plan * 32), MODEL)


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "size"),
    "a few bytes": (lambda: GOOD[:9], "size"),
    "cut in the header": (lambda: GOOD[:60], "header"),
    "cut in the values": (lambda: GOOD[:-1], "layout"),
    "bytes behind the values": (lambda: GOOD + b"PK\x05\x06", "layout"),
    "a header of 2^63 bytes": (lambda: (2**63).to_bytes(8, "little") + GOOD[8:], "header"),
    "a header longer than the payload": (lambda: (4096).to_bytes(8, "little") + GOOD[8:], "header"),
    "a header of odd length": (lambda: (7).to_bytes(8, "little") + GOOD[8:], "header"),
    "a header of no JSON": (lambda: built(b"{nonsense", b""), "header"),
    "a header that is a list": (lambda: built(b"[1,2,3]", b""), "header"),
    "a header in UTF-16": (lambda: built("{}".encode("utf-16"), b""), "header"),
    "a header nested 200,000 deep": (deep, "header"),
    "a header with a key twice": (doubled_key, "header"),
    "a header with other spaces": (spaced, "header"),
    "a header in another order": (reordered, "header"),
    "an infinite length": (lambda: built(GOOD[8 : 8 + 30].replace(b'"', b"") + b"Infinity}", b""), "header"),
    "a pickle": (pickled, "header"),
    "a zip bomb with a pickle": (zipped, "header"),
    "an entry that is a number": (lambda: with_extra("more", 7), "header"),
    "an entry with an unknown field": (lambda: changed(code="import os"), "header"),
    "5,000 tensors": (many, "size"),
    "a name with ../": (lambda: renamed("steps", "../../etc/passwd\n"), "name"),
    "a name of 300 letters": (lambda: renamed("steps", "s" * 300), "name"),
    "an unknown type": (lambda: changed(dtype="F4"), "type"),
    "a type that is a list": (lambda: changed(dtype=["F32"]), "type"),
    "a negative length": (lambda: changed(shape=[-3, -4]), "shape"),
    "a length that is a fraction": (lambda: changed(shape=[3.0, 4]), "shape"),
    "a length that is true": (lambda: changed(shape=[True, 12]), "shape"),
    "lengths whose product overflows": (lambda: changed(shape=[2**32, 2**32]), "shape"),
    "a length with 4,000 digits": (lambda: changed(shape=[10**4000, 1]), "shape"),
    "nine dimensions": (lambda: changed(shape=[1] * 8 + [12]), "shape"),
    "offsets beyond the end": (lambda: changed(data_offsets=[2**40, 2**41]), "shape"),
    "offsets that overlap": (lambda: changed(data_offsets=[0, 48]), "layout"),
    "offsets backwards": (lambda: changed(data_offsets=[56, 8]), "layout"),
    "offsets of two tensors exchanged": (swapped_offsets, "layout"),
    "one offset": (lambda: changed(data_offsets=[8]), "layout"),
    "another shape": (lambda: changed(shape=[4, 3]), "schema"),
    "another type of the same size": (lambda: changed(dtype="I32"), "schema"),
    "a tensor too many": (lambda: encode(HEADER, {**MODEL, "extra": np.zeros(3)}), "schema"),
    "a tensor missing": (lambda: encode(HEADER, {"steps": MODEL["steps"]}), "schema"),
    "another member's payload": (lambda: sent(member="plant-8"), "binding"),
    "another request's payload": (lambda: sent(request="request-1"), "binding"),
    "an earlier round's payload": (lambda: sent(number=2), "binding"),
    "another plan's payload": (lambda: sent(plan="cd"), "binding"),
    "no binding at all": (library, "binding"),
    "a binding of the library's own": (lambda: library(format="pt"), "binding"),
    "a round written as 03": (lambda: bound(round="03"), "binding"),
    "a round in other digits": (lambda: built(GOOD[8:].split(b"}")[0] + "٣".encode(), b""), "header"),
    "a member with a line break": (lambda: bound(member="plant-7\nx"), "binding"),
    "an unknown format": (lambda: bound(format="tallystick-9"), "binding"),
    "NaN": (lambda: valued("dense/kernel", float("nan")), "value"),
    "infinity": (lambda: valued("dense/bias", float("-inf")), "value"),
    "a weight of 1e30": (lambda: valued("dense/kernel", 1e30), "value"),
    "a truth value of 2": (lambda: truth(2), "value"),
}  # fmt: skip


def test_a_model_comes_back_as_it_was():
    found, tensors = decode(GOOD, SPECS, HEADER)
    assert found == HEADER
    assert tensors.keys() == MODEL.keys()
    for name, part in MODEL.items():
        assert tensors[name].dtype == part.dtype
        np.testing.assert_array_equal(tensors[name], part)


def test_the_library_reads_what_is_written():
    for name, part in safetensors.numpy.load(GOOD).items():
        np.testing.assert_array_equal(part, MODEL[name])


def test_the_bytes_do_not_depend_on_how_a_model_is_held():
    turned = {
        name: np.asfortranarray(part.astype(part.dtype.newbyteorder(">"))) for name, part in MODEL.items()
    }
    assert encode(HEADER, dict(reversed(turned.items()))) == GOOD


def test_the_commitment_is_bound_to_member_request_round_and_plan():
    others = [
        PayloadHeader("plant-8", HEADER.request, 3, HEADER.plan),
        PayloadHeader("plant-7", "request-00fe", 3, HEADER.plan),
        PayloadHeader("plant-7", HEADER.request, 4, HEADER.plan),
        PayloadHeader("plant-7", HEADER.request, 3, "ba" * 32),
    ]
    digests = {commitment(encode(header, MODEL)) for header in [HEADER, *others]}
    assert len(digests) == 5


def test_there_are_at_least_thirty_kinds():
    assert len(BROKEN) >= 30


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_payload_is_refused(kind):
    make, reason = BROKEN[kind]
    with pytest.raises(BadPayload) as found:
        decode(make(), SPECS, HEADER)
    assert found.value.reason == reason, str(found.value)
    assert len(str(found.value)) < 400


def test_a_flood_of_subnormal_numbers_is_refused():
    calm = {"w": np.full(10_000, 0.5, np.float32)}
    flood = {"w": np.full(10_000, 1e-42, np.float32)}
    payload = encode(HEADER, calm).replace(calm["w"].tobytes(), flood["w"].tobytes())
    with pytest.raises(BadPayload, match="slow"):
        decode(payload, specs_of(calm), HEADER)
    few = calm["w"].copy()
    few[:10] = 1e-42
    decode(encode(HEADER, {"w": few}), specs_of(calm), HEADER)


def test_what_others_would_refuse_is_not_sent():
    for model in (
        {"w": np.array([np.nan])},
        {"w": np.array([1e30])},
        {"bad name": np.zeros(1)},
        {"w": np.array(["x"])},
    ):
        with pytest.raises(BadPayload):
            encode(HEADER, model)
    for header in (
        PayloadHeader("", "r", 0, "p"),
        PayloadHeader("m", "r", -1, "p"),
        PayloadHeader("m", "r" * 200, 0, "p"),
    ):
        with pytest.raises(BadPayload, match="binding"):
            encode(header, MODEL)


def test_a_length_may_be_left_open():
    specs = {**SPECS, "dense/kernel": Spec("F32", (None, 4))}
    decode(GOOD, specs, HEADER)
    with pytest.raises(BadPayload, match="schema"):
        decode(GOOD, {**SPECS, "dense/kernel": Spec("F32", (None, 5))}, HEADER)


def test_a_file_is_not_read_before_its_size_is_known(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(GOOD)
    assert read(path, SPECS, HEADER)[0] == HEADER
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # sparse: reading it would need a terabyte
    with pytest.raises(BadPayload, match="size"):
        read(path, SPECS, HEADER)
    with pytest.raises(BadPayload, match="cannot be read"):
        read(tmp_path / "none", SPECS, HEADER)
    with pytest.raises(BadPayload, match="size"):
        decode(GOOD, SPECS, HEADER, PayloadLimits(size=100))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_byte_of_the_header_changed_is_noticed(at, flip):
    altered = bytearray(GOOD)
    altered[at] ^= flip
    start = 8 + int.from_bytes(GOOD[:8], "little")
    try:
        found, tensors = decode(bytes(altered), SPECS)
    except BadPayload:
        return
    if (
        at < start
    ):  # only the names that it is bound to can change unnoticed here, and `header` compares those
        assert found != HEADER
        with pytest.raises(BadPayload):
            decode(bytes(altered), SPECS, HEADER)
    assert all(np.isfinite(part).all() for part in tensors.values())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_by_our_own_error(noise):
    for payload in (noise, len(noise).to_bytes(8, "little") + noise, GOOD[:-20] + noise):
        if payload != GOOD:
            with pytest.raises(BadPayload):
                decode(payload, SPECS, HEADER)


MEMORY = """
import resource, sys
sys.path[:0] = sys.argv[1:3]
import tests.learning.test_payload as t
from tallystick.learning.payload import BadPayload, decode, encode, specs_of
import numpy as np
broken = [make() for make, _ in t.BROKEN.values()]
model = {"w": np.full(16 << 20, 0.5, np.float32)}
large, specs = encode(t.HEADER, model), specs_of(model)
limit = int(open("/proc/self/statm").read().split()[0]) * 4096 + (48 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
refused = 0
for _ in range(5):
    for payload in broken:
        try:
            decode(payload, t.SPECS, t.HEADER)
        except BadPayload:
            refused += 1
decode(large, specs, t.HEADER)
print(refused)
"""


def test_memory_stays_bounded_and_the_process_lives():
    """All broken payloads five times over, and a sound one of 64 MiB, within 48 MiB of new memory."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(root / "src"), str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 5 * len(BROKEN)
