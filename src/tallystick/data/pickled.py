"""A pickled recording of a third party, opened by an unpickler that admits `dict` and NumPy arrays alone.

Used for files whose SHA-256 the catalogue names, and for nothing else: the digest is checked first.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.data.bounded import present
from tallystick.data.refusals import HoldsCode, TooLarge, Unreadable, WrongDigest


def encoded(text: str, coding: str) -> bytes:
    """What Python 2 strings in a pickle are made with; one coding, so that no codec can be chosen."""
    if coding != "latin1":
        raise HoldsCode(f"the recording asks for the coding {coding!r}; only latin1 is allowed")
    return text.encode("latin1")


def array_shell(kind: type, shape: tuple[int, ...], code: bytes) -> np.ndarray[Any, Any]:
    """An empty array that the pickle then fills; never another class."""
    if kind is not np.ndarray or shape != (0,):
        raise HoldsCode("the recording does not build its arrays as NumPy does")
    return np.ndarray((0,), np.int8)


def number(kind: np.dtype[Any], content: bytes) -> Any:
    """One NumPy number."""
    if kind.hasobject:
        raise HoldsCode("the recording holds a Python object in the guise of a number")
    return np.frombuffer(content, kind, 1)[0]


ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("builtins", "dict"): dict,
    ("_codecs", "encode"): encoded,
    **{
        (f"numpy.{core}.multiarray", name): function
        for core in ("core", "_core")
        for name, function in (("_reconstruct", array_shell), ("scalar", number))
    },
}


class Restricted(pickle.Unpickler):
    """Knows no name outside the table."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return ADMITTED[module, name]
        except KeyError:
            raise HoldsCode(
                f"the recording wants {module}.{name}; only dict and NumPy arrays may be built"
            ) from None

    def persistent_load(self, key: Any) -> Any:
        raise HoldsCode(f"the recording refers to something outside itself ({key!r})")


def unpickled(content: bytes) -> Any:
    """The value in a pickle of dictionaries, lists, text, numbers and arrays."""
    try:
        return Restricted(io.BytesIO(content)).load()
    except HoldsCode:
        raise
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise Unreadable(f"the recording is not a sound pickle: {error}") from None
    except (MemoryError, OverflowError):
        raise TooLarge("the recording asks for more memory than there is") from None


def read_pickled_npy(path: Path, sha256: str, size: int) -> Any:
    """The one object in an NPY file, after its size and SHA-256 were found to be the expected ones."""
    if present(path).stat().st_size != size:
        raise WrongDigest(
            f"{path.name} has {path.stat().st_size:,} bytes; the recording named here has {size:,}"
        )
    content = path.read_bytes()
    if (digest := hashlib.sha256(content).hexdigest()) != sha256:
        raise WrongDigest(f"{path.name} has SHA-256 {digest}; only {sha256} is opened")
    stream = io.BytesIO(content)
    np.lib.format.read_magic(stream)
    np.lib.format.read_array_header_1_0(stream)
    value = unpickled(content[stream.tell() :])
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
