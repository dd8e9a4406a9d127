"""``python -m benchmarks.peers.processes``: whole processes, and the latency of `predict`.

Whole process: a new one that imports, builds, trains the digits network for 20 epochs and ends,
with every compilation cache warm. Latency: one call of `predict`, NumPy array in, NumPy array
out, for 1 row and for 1797 rows. scikit-learn has no batch norm and does without.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from statistics import median

from benchmarks.peers.process import (
    ALL,
    ROOT,
    PeerError,
    Process,
    command,
    last_line,
    present,
    save_data,
)
from benchmarks.peers.rounds import rotated
from benchmarks.peers.runner import available_cpus
from benchmarks.peers.workloads import DIGITS_PLAIN, WORKLOADS

EPOCHS = 20
ROWS = (1, 1797)
TRAIN = ("fastnn", "jax", "torch", "torch-fused", "sklearn", "keras")
PREDICT = ("fastnn", "jax", "torch", "sklearn", "onnxruntime")


def digits(peer):
    """The digits network, without batch norm where the peer has none."""
    return WORKLOADS["digits"] if peer.batch_norm else DIGITS_PLAIN


def whole_process(name, threads, folder):
    """Seconds from the start of a new process to its end."""
    peer = ALL[name]
    data = save_data(digits(peer), folder)
    line = command(peer, digits(peer), threads, data, "--once", str(EPOCHS))
    start = time.perf_counter()
    done = subprocess.run(line, cwd=ROOT, env=warm_caches(folder), capture_output=True, text=True)
    if done.returncode:
        raise PeerError(last_line(done.stderr))
    return time.perf_counter() - start


def warm_caches(folder):
    """The environment in which JAX, too, keeps what it compiled; fastnn does by itself."""
    return os.environ | {
        "JAX_COMPILATION_CACHE_DIR": os.path.join(folder, "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def whole_processes(names, threads, rounds, folder):
    """Name -> median seconds; a first run of each, not counted, fills the caches."""
    seconds = {}
    for name in names:
        try:
            whole_process(name, threads, folder)
            seconds[name] = []
        except PeerError as error:
            print(f"{name} failed: {error}", file=sys.stderr)
    for turn in range(rounds):
        for name in rotated(list(seconds), turn):
            seconds[name].append(whole_process(name, threads, folder))
    return {name: median(times) for name, times in seconds.items()}


def latencies(names, threads, rounds, folder):
    """Name -> median seconds of a call, for each number of ROWS."""
    found = {}
    for name in names:
        peer = ALL[name]
        try:
            with Process(peer, digits(peer), threads, save_data(digits(peer), folder)) as process:
                process.ready()
                found[name] = [
                    median(process.ask("predict", rows=n)["seconds"] for _ in range(rounds))
                    for n in ROWS
                ]
        except PeerError as error:
            print(f"{name} failed: {error}", file=sys.stderr)
    return found


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.processes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=available_cpus())
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole = whole_processes(present(TRAIN), args.threads, args.rounds, folder)
        calls = latencies(present(PREDICT), args.threads, args.rounds, folder)
    print(f"new process, digits, {EPOCHS} epochs, {args.threads} threads, seconds:")
    for name, seconds in sorted(whole.items(), key=lambda item: item[1]):
        print(f"  {name:12} {seconds:8.2f}")
    print(f"predict, digits, {args.threads} threads, microseconds for {ROWS} rows:")
    for name, times in sorted(calls.items(), key=lambda item: item[1]):
        print(f"  {name:12} " + " ".join(f"{1e6 * seconds:8.1f}" for seconds in times))


if __name__ == "__main__":
    main()
