"""Peers taking turns at one workload, so that what disturbs the machine disturbs all of them."""

import sys
from contextlib import ExitStack

import numpy as np

from benchmarks.peers import reference
from benchmarks.peers.process import PEERS, PeerError, Process


def run_workload(workload, data, names, thread_counts, rounds, seconds):
    """All records of one workload: a dict per library and number of threads."""
    with np.load(data) as arrays:
        truth = reference.check_losses(workload, arrays["X"], arrays["y"])
    names = [name for name in names if PEERS[name].batch_norm or not workload.batch_norm]
    records = []
    for threads in thread_counts:
        records += run_rounds(workload, data, names, threads, rounds, seconds)
    for record in records:
        record["truth"] = truth
        record["same_work"] = same_work(record["losses"], truth, workload.tolerance)
    return records


def same_work(losses, truth, tolerance):
    """Whether the losses are the true ones; None where there are none, as for the limit."""
    return bool(np.allclose(losses, truth, rtol=tolerance, atol=0)) if losses else None


def run_rounds(workload, data, names, threads, rounds, seconds):
    """Start every peer, let each check and warm up, then time them in `rounds` rounds."""
    working, records = {}, {}
    with ExitStack() as stack:
        for name in names:
            process = stack.enter_context(Process(PEERS[name], workload, threads, data))
            try:
                records[name] = prepare(process, seconds)
                working[name] = process
            except PeerError as error:
                complain(workload, threads, name, error)
        for turn in range(rounds):
            for name in rotated(list(working), turn):
                try:
                    answer = working[name].ask("train", epochs=records[name]["epochs"])
                except PeerError as error:
                    complain(workload, threads, name, error)
                    del working[name]
                else:
                    records[name]["us"].append(1e6 * answer["seconds"] / workload.steps)
                    if name == "limit":
                        records[name]["flops"].append(working[name].ask("peak")["flops"])
    return [
        {"workload": workload.name, "threads": threads, "library": name, **record}
        for name, record in records.items()
        if record["us"]
    ]


def prepare(process, seconds):
    """The losses of the check, and how many epochs take about `seconds`, compilation aside."""
    process.ready()
    losses = process.ask("check")["losses"]
    process.ask("train", epochs=1)
    epoch = process.ask("train", epochs=1)["seconds"]
    isa = process.ask("isa")["isa"]
    epochs = max(1, round(seconds / epoch))
    return {"losses": losses, "epochs": epochs, "isa": isa, "us": [], "flops": []}


def rotated(names, turn):
    """Another name comes first in every round."""
    k = turn % max(1, len(names))
    return names[k:] + names[:k]


def complain(workload, threads, name, error):
    print(f"{workload.name}, {threads} threads: {name} failed: {error}", file=sys.stderr)
