"""What the asv benchmarks share: the peers' workloads with short epochs, and new processes.

asv runs `setup` before every call that it times, so whatever is expensive and does not change is
made once a process, here.
"""

import dataclasses
import functools
import json
import os
import subprocess
import sys
import time

from benchmarks.peers import run_fastnn, workloads
from benchmarks.peers.runner import available_cpus
from fastnn import datasets

THREADS = sorted({1, available_cpus()})

# Steps of a shortened epoch: each takes some 20 to 100 ms.
STEPS = {
    "iris": 600, "digits": 56, "mnist": 100, "mnistbn": 12, "tab": 40, "tabnobn": 40, "wide": 4,
}  # fmt: skip


@functools.cache
def runner(name, threads):
    """fastnn on a workload of the peers, after one epoch: compiled, and its caches warm."""
    workload = workloads.WORKLOADS[name]
    short = dataclasses.replace(workload, rows=STEPS[name] * workload.batch)
    ready = run_fastnn.Runner(short, *workloads.make_data(short), threads)
    ready.train(1)
    return ready


@functools.cache
def digits():
    """X (1797, 64), y (1797,)."""
    return datasets.load_digits()


def digits_model(seed=0, optimizer="adam"):
    """The digits network of the workloads."""
    from fastnn import BatchNorm, Dense, ReLU, Sequential, Softmax

    layers = [Dense(64), BatchNorm(), ReLU(), Dense(10), Softmax()]
    model = Sequential(layers, seed=seed)
    model.compile(optimizer=optimizer)
    return model


@functools.cache
def trained_digits():
    """The digits network after an epoch; nobody trains it further."""
    model = digits_model()
    model.fit(*digits(), epochs=1, verbose=0)
    return model


def best(function, repeats):
    """Shortest of several runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def in_a_process(script, *arguments, cache=None, timeout=300):
    """The JSON that a script prints in a new process, and the seconds of the whole process."""
    environment = dict(os.environ)
    if cache is not None:
        environment["FASTNN_CACHE_DIR"] = str(cache)
    start = time.perf_counter()
    done = subprocess.run(
        # -P: the fastnn that is measured is the installed one, not that of the current folder.
        [sys.executable, "-P", "-c", script, *map(str, arguments)], env=environment, check=True,
        capture_output=True, text=True, timeout=timeout,
    )  # fmt: skip
    return json.loads(done.stdout), time.perf_counter() - start
