"""The command `fastnn bench`: how fast this machine trains and predicts."""

from __future__ import annotations

import argparse
import time
from typing import Any, NamedTuple

import numpy as np

from fastnn import Adam, Dense, ReLU, Sequential, Softmax, get_num_threads, warmup
from fastnn.cli.common import command, say, seconds


class Workload(NamedTuple):
    """A network, and how many rows of noise it is trained on."""

    rows: int
    sizes: tuple[int, ...]
    batch: int


WORKLOADS = {
    "tiny": Workload(1_000, (4, 16, 3), 32),
    "table": Workload(10_000, (30, 64, 32, 2), 128),
    "images": Workload(2_000, (784, 256, 128, 10), 128),
}


def add_to(commands: Any) -> None:
    """Add the command to the subparsers of `fastnn`."""
    parser = commands.add_parser("bench", help="measure how fast this machine trains and predicts")
    parser.add_argument("--seconds", type=seconds, default=1.0,
                        help="for each of two measures of a network, default 1")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    parser.set_defaults(command=command("bench", bench))


def bench(options: argparse.Namespace) -> int:
    """Run the command."""
    warmup()
    facts = {name: _measure(work, options.seconds) for name, work in WORKLOADS.items()}
    threads = get_num_threads()
    lines = [f"{threads} thread{'s' * (threads > 1)}, float32, the fastest of several runs"]
    lines.append(f"{'network':<24} {'batch':>5}  {'trained rows/s':>15}  {'predicted rows/s':>16}")
    for name, work in WORKLOADS.items():
        shape = f"{name} {'-'.join(map(str, work.sizes))}"
        trained, predicted = facts[name].values()
        lines.append(f"{shape:<24} {work.batch:>5}  {trained:>15,.0f}  {predicted:>16,.0f}")
    say(lines, {"threads": threads, **facts}, options.json)
    return 0


def _measure(work: Workload, limit: float) -> dict[str, float]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((work.rows, work.sizes[0])).astype(np.float32)
    y = rng.integers(0, work.sizes[-1], work.rows)
    hidden = [layer for units in work.sizes[1:-1] for layer in (Dense(units), ReLU())]
    model = Sequential([*hidden, Dense(work.sizes[-1]), Softmax()], seed=0)
    model.compile(Adam(1e-3))

    def train() -> None:
        model.fit(X, y, epochs=1, batch_size=work.batch, verbose=0)

    train()
    return {
        "trained": work.rows / _fastest(train, limit),
        "predicted": work.rows / _fastest(lambda: model.predict(X), limit),
    }


def _fastest(run: Any, limit: float) -> float:
    """Seconds of the fastest run: what others do on the machine only makes runs slower."""
    end, best = time.perf_counter() + limit, np.inf
    while True:
        start = time.perf_counter()
        run()
        now = time.perf_counter()
        best = min(best, now - start)
        if now > end:
            return float(best)
