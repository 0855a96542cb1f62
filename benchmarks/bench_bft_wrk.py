"""The same network driven by a load generator that is not ours: `wrk` posts a file of signed transactions."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.bench_bft import SENDERS, ours
from benchmarks.case import Case, Measured, Progress

SECONDS, MADE = 15, 60_000
THREADS, CONNECTIONS = 2, 40
SCRIPT = Path(__file__).parent / "bft" / "post.lua"


def measure(smoke: bool, progress: Progress) -> list[Measured]:
    wrk = shutil.which("wrk")
    if wrk is None:
        raise FileNotFoundError("wrk is not installed: make wrk")
    seconds, made, senders = (2, 4_000, 200) if smoke else (SECONDS, MADE, SENDERS)
    with ours(senders) as (net, source), tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "transactions"
        file.write_text(
            "".join(f"{base64.b64encode(transaction).decode()}\n" for transaction in source.take(made))
        )
        before = net.agreed()[0]
        command = [wrk, f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(SCRIPT)]
        answered = subprocess.run(
            [*command, net.validators[0].url, "--", str(file), str(THREADS)],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        after, _ = net.agreed()
        node = net.validators[0].node
        taken = sum(len(node.block(height)) for height in range(before + 1, after + 1))
    progress(answered.strip().splitlines()[-2].strip())
    posted = float((re.search(r"Requests/sec:\s+([0-9.]+)", answered) or ["", "0"])[1])
    note = f"{CONNECTIONS} connections to one of four nodes for {seconds} s, each waiting for its answer"
    return [
        Measured(value=round(posted), unit="requests/s", what="answered, counted by wrk", note=note),
        Measured(
            value=round(taken / seconds),
            unit="tx/s",
            what="in blocks, over the seconds that wrk ran",
            note=f"{taken:,} transactions in {after - before} blocks; beside it stands bft-throughput",
        ),
    ]


CASES = (Case("bench", "bft-wrk", "four validators driven by wrk", measure, minutes=2),)
