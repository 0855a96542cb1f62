"""The devices that a cohort is divided over, and the place where compiled programs are kept."""

from __future__ import annotations

import functools
import hashlib
import logging
import math
import os
import platform
from pathlib import Path

import jax
import jaxlib
import numpy as np
import numpy.typing as npt

PLACE = 64  # bytes: where XLA wants arrays on a CPU to begin

log = logging.getLogger(__name__)


@functools.cache
def devices() -> tuple[jax.Device, ...]:
    """All accelerators, else one device per core; JAX divides a machine's cores only before its first use."""
    keep_programs()
    try:
        jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
    except RuntimeError:
        log.info("JAX was in use before: its %d devices stay as they are", len(jax.devices()))
    return tuple(jax.devices())


def keep_programs() -> None:
    """Keep compiled programs on disk, so that a second run does not wait; a folder chosen before stays."""
    if jax.config.jax_compilation_cache_dir is None:  # type: ignore[attr-defined]
        jax.config.update("jax_compilation_cache_dir", str(program_folder()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)


def program_folder() -> Path:
    """Where programs compiled for this machine are kept: they hold its processor's own instructions."""
    machine = f"{platform.machine()} {jaxlib.__version__} {_processor()}"
    name = hashlib.sha256(machine.encode()).hexdigest()[:16]
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "tallystick" / "programs" / name


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return " ".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def blank(*shape: int) -> npt.NDArray[np.float32]:
    """Zeros that begin where XLA reads an array in place; from elsewhere it would copy all of it."""
    size = math.prod(shape)
    raw = np.zeros(4 * size + PLACE, np.uint8)
    first = -raw.ctypes.data % PLACE
    return raw[first : first + 4 * size].view(np.float32).reshape(shape)
