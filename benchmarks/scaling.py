"""``python -m benchmarks.scaling``: what more processors than this machine has would bring.

Measures each kind of task of a training step on one thread, then shares the step's task table out
among 1 to 64 workers as the compiled loop does: by tickets, a phase after the one before it. A
ticket costs HANDOVER. Not in the account: memory that many cores read at once, and cores that slow
each other down. `limit` is the speed-up with workers without end, and `phase` what bounds it: the
share of the shortest possible step that each phase's longest task takes.
"""

import argparse
import heapq
import time

import numpy as np

from benchmarks.peers import run_fastnn, workloads
from fastnn.engine.steps import StepsRun
from fastnn.inputs.rows import Rows
from fastnn.kernels import codes

WORKERS = 1, 2, 4, 8, 16, 32, 64
HANDOVER = 0.2e-6
"""Seconds from one task to the next: two counters that another core has written last."""
STEPS = 6
NAMES = {codes.FORWARD: "forward", codes.TURN: "turn", codes.BACKWARD: "back"}


def training_run(workload):
    """The run of a model that has been trained, and `arguments(n)` for n of its steps."""
    runner = run_fastnn.Runner(workload, *workloads.make_data(workload), 1)
    size = STEPS * workload.batch
    X, y = np.ascontiguousarray(runner.X[:size], np.float32), runner.y[:size]
    runner.fit(X, y, epochs=1, shuffle=False)
    run = runner.model._network.training_run(runner.model._compiled(), workload.batch)
    rows = Rows(X, True, np.ascontiguousarray(y, np.int64), labels=True)
    order, bounds = np.arange(size), np.arange(0, size + 1, workload.batch)

    def arguments(n):
        # Weights that stay where they are: the same work in each round.
        return rows, order[: bounds[n]], bounds[: n + 1], np.zeros(n), 1

    return run, arguments


def seconds_of(run, arguments, tasks, rounds):
    """Shortest time of a step that consists of these tasks alone."""
    table = run.program.__dict__
    before = table["tasks"], table["phase_ends"]
    table["tasks"], table["phase_ends"] = tasks, np.array([len(tasks)])
    table["tasks_for"] = lambda threads: tasks
    best = {1: np.inf, STEPS: np.inf}
    for n in [1, STEPS] * rounds:
        start = time.perf_counter()
        StepsRun.steps(run, *arguments(n))
        best[n] = min(best[n], time.perf_counter() - start)
    table["tasks"], table["phase_ends"] = before
    del table["tasks_for"]
    # The way into compiled code and back is the same for one step and for several.
    return max(best[STEPS] - best[1], 0.0) / (STEPS - 1)


def phases_of(run, arguments, workers, rounds):
    """(name, seconds of each task) for each phase of a step, in the order of the tickets."""
    tasks, ends = run.program.tasks_for(workers), run.program.phase_ends
    found = []
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        phase, each = tasks[start:end], np.zeros(end - start)
        busy = phase["begin"] < phase["end"]
        groups = phase[["kind", "first", "last"]]
        for group in np.unique(groups):
            own = groups == group
            each[own & busy] = seconds_of(run, arguments, phase[own], rounds) / (own & busy).sum()
        name = "+".join(sorted({NAMES.get(int(kind), "update") for kind in phase["kind"]}))
        found.append((name, each[busy]))
    return found


def step_on(workers, phases):
    """Seconds of a step in a long run on so many workers."""
    free, open_from, ends = [0.0] * workers, 0.0, []
    for _ in range(STEPS):
        for _, tasks in phases:
            last = open_from
            for seconds in tasks:
                at = max(heapq.heappop(free), open_from) + HANDOVER + seconds
                heapq.heappush(free, at)
                last = max(last, at)
            open_from = last
        ends.append(open_from)
    return (ends[-1] - ends[0]) / (STEPS - 1)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--workloads", default=",".join(workloads.WORKLOADS))
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args()
    print("speed-up  " + " ".join(f"{n:>5}" for n in WORKERS) + "  limit   us a step  phases")
    for name in args.workloads.split(","):
        run, arguments = training_run(workloads.find(name))
        measured, phases_for = {}, {}
        for n in WORKERS:
            table = id(run.program.tasks_for(n))
            if table not in measured:
                measured[table] = phases_of(run, arguments, n, args.rounds)
            phases_for[n] = measured[table]
        one, phases = step_on(1, phases_for[1]), phases_for[WORKERS[-1]]
        least = sum(tasks.max() + HANDOVER for _, tasks in phases)
        gains = " ".join(f"{one / step_on(n, phases_for[n]):5.1f}" for n in WORKERS)
        shares = ", ".join(
            f"{label} {len(tasks)}: {100 * tasks.max() / least:.0f}%" for label, tasks in phases
        )
        print(f"{name:<9} {gains} {one / least:6.1f} {1e6 * one:11.1f}  {shares}", flush=True)


if __name__ == "__main__":
    main()
