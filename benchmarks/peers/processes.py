"""``python -m benchmarks.peers.processes``: whole processes, and the latency of `predict`.

Whole process: a new one that imports, builds, trains the digits network for 20 epochs and ends:
cold, with empty compilation caches; with kernels as from a wheel (or from one: ``--wheel FILE``),
caches empty; and warm. Import: a new process that imports the library. Each is also given as a
multiple of fastnn's.
Latency: one call of `predict`, NumPy array in, NumPy array out, for 1 row and for 1797 rows.
scikit-learn has no batch norm and does without.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
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
from fastnn.kernels.machine import target

EPOCHS = 20
ROWS = (1, 1797)
TRAIN = ("fastnn", "jax", "torch", "torch-fused", "sklearn", "keras")
PREDICT = ("fastnn", "jax", "torch", "sklearn", "onnxruntime")


def digits(peer):
    """The digits network, without batch norm where the peer has none."""
    return WORKLOADS["digits"] if peer.batch_norm else DIGITS_PLAIN


def whole_process(name, threads, folder, caches, home=ROOT):
    """Seconds from the start of a new process to its end; `home` holds the fastnn that it runs."""
    peer = ALL[name]
    data = save_data(digits(peer), folder)
    line = command(peer, digits(peer), threads, data, "--once", str(EPOCHS))
    start = time.perf_counter()
    done = subprocess.run(line, cwd=home, env=with_caches(caches), capture_output=True, text=True)
    if done.returncode:
        raise PeerError(last_line(done.stderr))
    return time.perf_counter() - start


def with_caches(folder):
    """The environment in which what is compiled is kept in a folder."""
    # Python's own is kept as well: what is installed has it.
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {
        "FASTNN_CACHE_DIR": os.path.join(folder, "fastnn"),
        "JAX_COMPILATION_CACHE_DIR": os.path.join(folder, "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def import_process(name, threads, folder, caches, home=ROOT):
    """Seconds of a new process that imports the library, and nothing else."""
    line = [sys.executable, "-c", f"import {ALL[name].packages[0]}"]
    start = time.perf_counter()
    subprocess.run(line, cwd=home, env=with_caches(caches), check=True)
    return time.perf_counter() - start


def cold_process(name, threads, folder, caches, home=ROOT):
    """As `whole_process`, with caches of its own, which are empty."""
    with tempfile.TemporaryDirectory() as empty:
        return whole_process(name, threads, folder, empty, home)


def unpacked(wheel, folder):
    """A folder that holds a wheel's fastnn, and these benchmarks."""
    home = Path(folder) / "wheel"
    zipfile.ZipFile(wheel).extractall(home)
    shutil.copytree(ROOT / "benchmarks", home / "benchmarks")
    return home


def with_kernels(folder):
    """A folder that holds fastnn as a wheel brings it, with kernels, and these benchmarks."""
    home = Path(folder) / "wheel"
    for name in ("fastnn", "benchmarks"):
        shutil.copytree(ROOT / name, home / name)
    shipped = home / "fastnn" / "kernels" / "shipped"
    shipped.mkdir(exist_ok=True)
    line = [sys.executable, "-m", "fastnn.kernels.shipping", str(shipped), target.levels_here()[0]]
    subprocess.run([*line, target.system(), "float32"], cwd=home, check=True)
    return home


def wheel_process(name, threads, folder, caches, home=ROOT):
    """As `cold_process`; fastnn's has kernels, in a folder made the first time."""
    if name == "fastnn":
        home = Path(folder) / "wheel"
        home = home if home.exists() else with_kernels(folder)
    return cold_process(name, threads, folder, caches, home)


def medians(start, names, threads, rounds, folder, home=ROOT):
    """Name -> median seconds of a kind of start; a first one of each is not counted."""
    caches, seconds = os.path.join(folder, "caches"), {}
    for name in names:
        try:
            start(name, threads, folder, caches, home)
            seconds[name] = []
        except (PeerError, subprocess.CalledProcessError) as error:
            print(f"{name} failed: {error}", file=sys.stderr)
    for turn in range(rounds):
        for name in rotated(list(seconds), turn):
            seconds[name].append(start(name, threads, folder, caches, home))
    return {name: median(times) for name, times in seconds.items()}


def starts(names, threads, rounds, folder, wheel=None):
    """Kind of start -> name -> median seconds."""
    found = {
        "import": medians(import_process, names, threads, rounds, folder),
        "cold": medians(cold_process, names, threads, 1, folder),
        "warm": medians(whole_process, names, threads, rounds, folder),
    }
    if "fastnn" in names and (wheel is not None or target.levels_here()):
        if wheel is not None:
            unpacked(wheel, folder)
        found["wheel"] = medians(wheel_process, ["fastnn"], threads, rounds, folder)
        found["wheel"] |= {k: v for k, v in found["cold"].items() if k != "fastnn"}
    return found


def print_starts(found):
    for kind, seconds in found.items():
        print(f"  {kind}: seconds, and times fastnn's")
        ours = seconds.get("fastnn", float("nan"))
        for name, value in sorted(seconds.items(), key=lambda item: item[1]):
            print(f"    {name:12} {value:8.2f} {value / ours:8.2f}")


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
    parser.add_argument("--wheel", help="a wheel with kernels for this machine")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = starts(present(TRAIN), args.threads, args.rounds, folder, args.wheel)
        calls = latencies(present(PREDICT), args.threads, args.rounds, folder)
    print(f"new process, digits, {EPOCHS} epochs, {args.threads} threads:")
    print_starts(found)
    print(f"predict, digits, {args.threads} threads, microseconds for {ROWS} rows:")
    for name, times in sorted(calls.items(), key=lambda item: item[1]):
        print(f"  {name:12} " + " ".join(f"{1e6 * seconds:8.1f}" for seconds in times))


if __name__ == "__main__":
    main()
