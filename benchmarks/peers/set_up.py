"""Makes the environment of the peers: `python -m benchmarks.peers.set_up`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.peers import PYTHON, ready


def main() -> int:
    if ready():
        print(f"the peers are ready in {PYTHON.parents[1]}")
        return 0
    folder = PYTHON.parents[1]
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    wanted = Path(__file__).with_name("requirements.txt")
    print("installing PyTorch, Flower and Opacus (about 90 s, 6 GB) ...")
    subprocess.run([str(PYTHON), "-m", "pip", "install", "--quiet", "-r", str(wanted)], check=True)
    (folder / "ready").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
