"""One library in a process of its own: JSON commands on stdin, JSON answers on stdout.

``python -m benchmarks.peers.runner LIBRARY WORKLOAD THREADS`` imports ``run_LIBRARY``, whose
`Runner` offers `check()`, `train(epochs)` and `predict(X)`, and serves

    {"do": "check"}                -> {"losses": [mean of the first steps, loss after them]}
    {"do": "train", "epochs": 3}   -> {"seconds": seconds per epoch}
    {"do": "isa"}                  -> {"isa": the instruction set that the library says it runs}
    {"do": "peak"}                 -> {"flops": of all threads, a second; of `limit` only}
    {"do": "predict", "rows": 1}   -> {"seconds": seconds per call, median}

until stdin ends. ``--once EPOCHS`` trains once and leaves.
"""

import argparse
import importlib
import json
import os
import statistics
import sys
import time

from benchmarks.peers import isa


def hold_threads(n):
    """Hold this process to n CPUs. Libraries read this once, so call it before importing any."""
    for name in ("OMP", "MKL", "OPENBLAS", "FASTNN"):
        os.environ[f"{name}_NUM_THREADS"] = str(n)
    if n == 1:
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n])


def available_cpus():
    """How many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_data(workload, path):
    """The workload's rows from the file at `path`, or made anew without one."""
    import numpy as np

    from benchmarks.peers.workloads import make_data

    if path is None:
        return make_data(workload)
    with np.load(path) as data:
        return data["X"], data["y"]


def make_runner(args):
    """The library's `Runner` for the workload, threads held first."""
    hold_threads(args.threads)
    from benchmarks.peers.workloads import find

    workload = find(args.workload)
    X, y = load_data(workload, args.data)
    module = importlib.import_module(f"benchmarks.peers.run_{args.library}")
    options = {"variant": args.variant} if args.variant else {}
    return module.Runner(workload, X, y, args.threads, **options)


def answer(runner, library, command):
    """Carry out one command; the answer as a dict."""
    if command["do"] == "check":
        return {"losses": [float(loss) for loss in runner.check()]}
    if command["do"] == "train":
        start = time.perf_counter()
        runner.train(command["epochs"])
        return {"seconds": (time.perf_counter() - start) / command["epochs"]}
    if command["do"] == "isa":
        return {"isa": isa.running(library)}
    if command["do"] == "peak":
        return {"flops": runner.peak()}
    X = runner.X.take(range(command["rows"]), axis=0, mode="wrap")
    return {"seconds": median_call(runner.predict, X)}


def median_call(function, X, seconds=0.5):
    """Median time of `function(X)` over as many calls as fit in `seconds`, a few to warm up."""
    for _ in range(20):
        function(X)
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        function(X)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def serve(runner, library, replies):
    """Answer the commands of stdin until it ends."""
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(runner, library, json.loads(line))), file=replies, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library")
    parser.add_argument("workload")
    parser.add_argument("threads", type=int)
    parser.add_argument("--variant", help="a variant of the library's runner")
    parser.add_argument("--data", help="an .npz file with the workload's X and y")
    parser.add_argument("--once", type=int, metavar="EPOCHS", help="train and leave")
    args = parser.parse_args()
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not mix with the answers
    runner = make_runner(args)
    if args.once:
        runner.train(args.once)
    else:
        serve(runner, args.library, replies)


if __name__ == "__main__":
    main()
