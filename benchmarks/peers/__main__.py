"""``python -m benchmarks.peers``: fastnn and its peers on the same work, side by side.

For each workload and number of threads, every installed library trains in a process of its own;
they take turns for several rounds. Prints a table. Exits with 1 if a library's losses are not
those of the float64 reference, because then it has not done the same work.

This folder has no __init__.py on purpose: asv imports every package below ``benchmarks/`` and
would then need all the peers.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks.peers import isa, table
from benchmarks.peers.process import PEERS, present, save_data, versions
from benchmarks.peers.rounds import run_workload
from benchmarks.peers.runner import available_cpus
from benchmarks.peers.workloads import WORKLOADS


def arguments():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--workloads", type=names_in(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--peers", type=names_in(PEERS), default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="length of one measurement")
    parser.add_argument("--threads", type=thread_counts, default="1,all", help="such as 1,all")
    parser.add_argument("--isa", choices=isa.NAMES, default="native", help="hold all to one set")
    parser.add_argument("--json", type=Path, help="write the result here, too")
    parser.add_argument("--markdown", action="store_true", help="print the README's tables")
    return parser.parse_args()


def names_in(known):
    """A parser of comma-separated names out of `known`."""

    def parse(text):
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {unknown}; choose from {', '.join(known)}")
        return names

    return parse


def thread_counts(text):
    """'1,all' -> [1, the CPUs this process may use]."""
    every = available_cpus()
    counts = sorted({every if word == "all" else int(word) for word in text.split(",")})
    if not 1 <= counts[0] <= counts[-1] <= every:
        raise argparse.ArgumentTypeError(f"{text}: from 1 to {every} threads are possible here")
    return counts


def machine():
    """What the numbers depend on besides the libraries."""
    return {
        "cpu": cpu_model(),
        "cpus": available_cpus(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def cpu_model():
    """The processor's name, as good as this system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def main():
    args = arguments()
    try:
        os.environ.update(isa.environment(args.isa))
    except ValueError as error:
        sys.exit(str(error))
    names = present(args.peers)
    result = {
        "machine": machine() | {"isa": args.isa},
        "versions": versions([PEERS[name] for name in names]),
        "records": [],
    }
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5:
        print("the machine is busy with something else; expect noise", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        for name in args.workloads:
            print(f"{name} ...", file=sys.stderr)
            data = save_data(WORKLOADS[name], folder)
            result["records"] += run_workload(
                WORKLOADS[name], data, names, args.threads, args.rounds, args.seconds
            )
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))
    print(table.markdown(result) if args.markdown else table.text(result))
    return 1 if table.different_work(result) else 0


if __name__ == "__main__":
    sys.exit(main())
