"""Results as tables; ``python -m benchmarks.peers.table result.json [--markdown]`` shows a file."""

import argparse
import json
from pathlib import Path
from statistics import median

from benchmarks.peers.workloads import WORKLOADS

HEAD = (
    "workload", "threads", "library", "us/step", "best", "x fastnn", "GFLOP/s", "of limit",
    "of peak", "runs", "work",
)  # fmt: skip
WORK = {True: "same", False: "DIFFERENT WORK", None: ""}


def different_work(result):
    """The records whose losses are not the reference's."""
    return [record for record in result["records"] if record["same_work"] is False]


def step_time(result, workload, threads, library):
    """Median microseconds per step, or None if it was not measured."""
    wanted = workload, threads, library
    for record in result["records"]:
        if (record["workload"], record["threads"], record["library"]) == wanted:
            return median(record["us"])
    return None


def limit_time(result, workload, threads):
    """The limit with up to `threads` threads: for tiny products, one may beat many."""
    times = [
        median(record["us"])
        for record in result["records"]
        if (record["workload"], record["library"]) == (workload, "limit")
        and record["threads"] <= threads
    ]
    return min(times, default=None)


def share_of_peak(result, workload, threads, time):
    """A step's products as a share of what the multiply-adds of these threads could do."""
    for record in result["records"]:
        where = record["workload"], record["threads"], record["library"]
        if where == (workload, threads, "limit") and time:
            flops = WORKLOADS[workload].flops
            return f"{flops / (1e-6 * time * median(record['flops'])):.0%}"
    return "-"


def ratio(a, b, form):
    """a / b as text; a dash where one is missing."""
    return form.format(a / b) if a and b else "-"


def rows(result):
    """One row of strings per record, the fastest library of a workload first."""
    records = sorted(
        result["records"],
        key=lambda r: (list(WORKLOADS).index(r["workload"]), r["threads"], median(r["us"])),
    )
    for record in records:
        where = record["workload"], record["threads"]
        time = median(record["us"])
        yield (
            record["workload"],
            str(record["threads"]),
            record["library"],
            f"{time:.2f}",
            f"{min(record['us']):.2f}",
            ratio(time, step_time(result, *where, "fastnn"), "{:.2f}"),
            f"{WORKLOADS[record['workload']].flops / time / 1e3:.2f}",
            ratio(limit_time(result, *where), time, "{:.0%}"),
            share_of_peak(result, *where, time),
            record["isa"],
            WORK[record["same_work"]],
        )


def text(result):
    """Everything that was measured, and the losses of those that did other work."""
    cells = [HEAD, *rows(result)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(HEAD))]
    lines = ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
    for record in different_work(result):
        lines.append(
            f"DIFFERENT WORK: {record['library']} on {record['workload']}, {record['threads']} "
            f"threads: losses {record['losses']}, but the reference has {list(record['truth'])}"
        )
    return "\n".join([*lines, "", describe(result)])


def markdown(result):
    """A table per number of threads: libraries across, workloads down; times in us/step."""
    found = dict.fromkeys(record["library"] for record in result["records"])
    libraries = [name for name in found if name != "limit"]
    head = [
        "workload",
        *libraries,
        "fastnn against the best peer",
        "limit",
        "fastnn's share",
        "of peak",
    ]
    parts = []
    for threads in sorted({record["threads"] for record in result["records"]}):
        lines = [head, ["---", *["---:"] * (len(head) - 1)]]
        lines += markdown_rows(result, threads, libraries)
        caption = f"{threads} thread{'s' if threads > 1 else ''}, microseconds per training step:"
        parts += [caption, "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    for record in different_work(result):
        parts.append(f"**DIFFERENT WORK**: {record['library']} on {record['workload']}")
    return "\n\n".join([*parts, describe(result)])


def markdown_rows(result, threads, libraries):
    """A row of strings per workload."""
    for workload in dict.fromkeys(record["workload"] for record in result["records"]):
        times = {name: step_time(result, workload, threads, name) for name in libraries}
        fastnn = times.get("fastnn")
        best = min((t for n, t in times.items() if t and n != "fastnn"), default=None)
        limit = limit_time(result, workload, threads)
        yield [
            workload,
            *(microseconds(time) for time in times.values()),
            ratio(best, fastnn, "{:.2f}x"),
            microseconds(limit),
            ratio(limit, fastnn, "{:.0%}"),
            share_of_peak(result, workload, threads, fastnn),
        ]


def microseconds(time):
    """Three digits, or all in front of the point; a dash for None."""
    if time is None:
        return "-"
    return f"{time:.3g}" if time < 100 else f"{time:.0f}"


def describe(result):
    """Machine and versions in one line."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    sets = dict.fromkeys(f"{r['library']}: {r['isa']}" for r in result["records"])
    return (
        f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['system']}, "
        f"Python {machine['python']}; {versions}. Medians over rounds. "
        f"Instruction set {machine['isa']} ({'; '.join(sets)})."
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    result = json.loads(args.result.read_text())
    print(markdown(result) if args.markdown else text(result))


if __name__ == "__main__":
    main()
