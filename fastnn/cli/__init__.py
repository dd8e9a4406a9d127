"""The command `fastnn`: tables, sessions, demo, export, bench, warmup, doctor."""

import argparse
import io
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import fastnn
from fastnn import Adam, BatchNorm, Dense, ReLU, Sequential, Softmax
from fastnn.cli import bench, session, tables
from fastnn.cli import export as export_command
from fastnn.cli.common import INTERRUPTED, whole

PLOT_EXTRA = 'pip install "fastnn-mlp[plot]"'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    The exit code is 0; 1 where fastnn or the machine is at fault; 2 for the user's mistake, which
    one line tells; 130 after Ctrl-C.
    """
    parser = _parser()
    for stream in (sys.stdout, sys.stderr):
        # A console that lacks a letter of a name shows an escape.
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        return options.command(options)
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastnn", description="Train small neural networks on a CPU, fast."
    )
    parser.add_argument("--version", action="version", version=f"fastnn {fastnn.__version__}")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="command")

    demo = commands.add_parser("demo", help="train on the embedded digits and show what came out")
    demo.add_argument("--epochs", type=whole(1), default=20, help="default 20")
    demo.add_argument("--seed", type=whole(0), default=0, help="default 0")
    demo.add_argument(
        "--output",
        type=Path,
        default=Path("learning_curves.png"),
        help="the picture, default learning_curves.png",
    )
    demo.set_defaults(command=_demo)

    tables.add_to(commands)
    session.add_to(commands)
    export_command.add_to(commands)
    bench.add_to(commands)

    warmup = commands.add_parser("warmup", help="compile ahead all that training can need")
    warmup.add_argument("--float64", action="store_true", help="also for float64 models")
    warmup.set_defaults(command=_warmup)

    doctor = commands.add_parser("doctor", help="say what fastnn finds here and what is wrong")
    doctor.set_defaults(command=_doctor)
    return parser


def _demo(options: argparse.Namespace) -> int:
    X, y = fastnn.datasets.load_digits()
    print(f"data: {len(X):,} images of handwritten digits, 8 x 8 pixels, 10 classes")
    model = Sequential([Dense(64), BatchNorm(), ReLU(), Dense(10), Softmax()], seed=options.seed)
    model.compile(optimizer=Adam(5e-3), loss="cross_entropy", metrics=["accuracy"])
    print("network: Dense 64, BatchNorm, ReLU, Dense 10, Softmax; Adam, mini-batches of 32")
    print(_kernels_ready("float32"), flush=True)

    start = time.perf_counter()
    history = model.fit(X, y, epochs=options.epochs, batch_size=32, validation_split=0.2, verbose=1)
    seconds = time.perf_counter() - start
    rows = round(0.8 * len(X))
    print(f"validation accuracy {history['val_accuracy'][-1]:.1%}")
    print(
        f"{rows * options.epochs / seconds:,.0f} samples a second: {rows:,} training rows x "
        f"{options.epochs} epochs in {seconds:.2f} s on {_threads()}, validation included"
    )
    return _save_curves(history, options.output)


def _threads() -> str:
    n = fastnn.get_num_threads()
    return f"{n} thread{'s' * (n > 1)}"


def _kernels_ready(dtype: str) -> str:
    """Compile or load the kernels; a sentence on what it took."""
    from fastnn.kernels.loop import door

    where = door.found(np.dtype(dtype))
    seconds = fastnn.warmup(dtype)
    if where == door.WHEEL:
        return f"kernels for {dtype}: came with the wheel, loaded in {seconds:.2f} s"
    if where == door.CACHE:
        return f"kernels for {dtype}: compiled before, read from the cache in {seconds:.2f} s"
    return f"kernels for {dtype}: compiled in {seconds:.1f} s"


def _save_curves(history: fastnn.History, output: Path) -> int:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print(f"no picture of the learning curves without matplotlib: {PLOT_EXTRA}")
        return 0
    from fastnn.plotting import learning_curves

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    learning_curves(history, figure.subplots(1, 2))
    try:
        figure.savefig(output, dpi=150)
    except (OSError, ValueError) as error:
        print(f"fastnn demo: cannot save {output}: {error}", file=sys.stderr)
        return 1
    print(f"learning curves: {output}")
    return 0


def _warmup(options: argparse.Namespace) -> int:
    from fastnn.kernels.machine.cache import cache_directory, write_error

    for dtype in ("float32", "float64") if options.float64 else ("float32",):
        print(_kernels_ready(dtype), flush=True)
    refused = write_error()
    if refused:
        print(f"the cache cannot be written ({refused}); see fastnn doctor", file=sys.stderr)
        return 1
    print(f"cache: {cache_directory()}")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from fastnn.cli.doctor import examine

    report, problems = examine()
    print(report)
    print()
    if not problems:
        print("All is well.")
        return 0
    print(f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}")
    for k, problem in enumerate(problems, 1):
        print(f"  {k}. {problem}")
    return 1
