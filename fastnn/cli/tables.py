"""The commands for tables: train, predict, evaluate, info."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

INTERRUPTED = 130
KIND_HELP = "what a column is taken for: NAME=number, category, date or drop; may come again"


def add_to(commands: Any) -> None:
    """Add the commands to the subparsers of `fastnn`."""
    train = commands.add_parser("train", help="train a model for a column of a CSV or Parquet file")
    train.add_argument("table", help="CSV or Parquet file; - for standard input")
    train.add_argument("--target", required=True, metavar="COLUMN", help="the column to predict")
    train.add_argument("--out", type=Path, default=Path("model.safetensors"),
                       help="the model file, default model.safetensors")  # fmt: skip
    train.add_argument("--report", type=Path, help="also write a report, an HTML page")
    train.add_argument("--task", choices=("classification", "regression"),
                       help="default: by what the target holds")  # fmt: skip
    train.add_argument("--column", action="append", default=[], type=_kind, metavar="NAME=KIND",
                       help=KIND_HELP)  # fmt: skip
    train.add_argument("--weight", metavar="COLUMN", help="a column of sample weights")
    train.add_argument("--layers", type=_layers, metavar="64,32", help="units of hidden layers")
    train.add_argument("--seconds", type=_seconds, help="when to stop training")
    train.add_argument("--holdout", type=float, default=0.2,
                       help="share of the rows kept for the scores, default 0.2")  # fmt: skip
    train.add_argument("--seed", type=int, default=0, help="default 0")
    train.set_defaults(command=_run(_train))

    predict = commands.add_parser("predict", help="predict the rows of a file with a saved model")
    predict.add_argument("model", type=Path)
    predict.add_argument("table", help="CSV or Parquet file; - for standard input")
    predict.add_argument("--out", default="-", help="a CSV file; default - for standard output")
    predict.add_argument("--proba", action="store_true", help="a column for each class")
    predict.set_defaults(command=_run(_predict))

    evaluate = commands.add_parser("evaluate", help="score a saved model on a file with targets")
    evaluate.add_argument("model", type=Path)
    evaluate.add_argument("table", help="CSV or Parquet file; - for standard input")
    evaluate.set_defaults(command=_run(_evaluate))

    info = commands.add_parser("info", help="say what a saved model is and how it was trained")
    info.add_argument("model", type=Path)
    info.set_defaults(command=_run(_info))
    for parser in (train, evaluate, info):
        parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def _kind(text: str) -> tuple[str, str]:
    name, found, kind = text.rpartition("=")
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=KIND, such as zip=category")
    return name, kind


def _layers(text: str) -> tuple[int, ...]:
    sizes = text.split(",")
    if not all(size.strip().isdigit() and int(size) > 0 for size in sizes):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers, such as 64,32")
    return tuple(map(int, sizes))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _run(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """The command, with the user's mistakes as one line and exit code 2."""

    def run(options: argparse.Namespace) -> int:
        try:
            return command(options)
        except BrokenPipeError:
            raise
        except (OSError, ValueError, TypeError, ImportError) as error:
            name = command.__name__.strip("_")
            text = str(error)
            if isinstance(error, OSError) and error.filename is not None:
                text = f"{error.filename}: {error.strerror}"
            print(f"fastnn {name}: {text}", file=sys.stderr)
            return 2

    return run


def _source(given: str) -> Any:
    return sys.stdin.buffer if given == "-" else given


def _writable(path: Path | None) -> None:
    """Refuse a place that cannot be written to, before there is anything to write."""
    if path is not None and not path.absolute().parent.is_dir():
        raise FileNotFoundError(2, "its folder does not exist; make it first", str(path))


def _train(options: argparse.Namespace) -> int:
    _writable(options.out)
    _writable(options.report)
    from fastnn.tabular import TabularModel, read_table
    from fastnn.tabular.report import report

    settings = {"hidden_layer_sizes": options.layers} if options.layers else {}
    model = TabularModel(
        options.target, task=options.task, columns=dict(options.column),
        sample_weight=options.weight, holdout=options.holdout, seconds=options.seconds,
        seed=options.seed, settings=settings,
    )  # fmt: skip
    table = read_table(_source(options.table))
    model.fit(table)
    model.save(options.out)
    if options.report is not None:
        from fastnn.files.persistence import write_whole

        write_whole(options.report, report(model, table).encode())
    written = {"model": options.out, "report": options.report}
    if options.json:
        print(json.dumps(_facts(model) | {k: str(v) for k, v in written.items() if v}))
    else:
        print("\n".join(_description(model)))
        for name, path in written.items():
            if path:
                print(f"{name}: {path}")
    return INTERRUPTED if model.interrupted_ else 0


def _predict(options: argparse.Namespace) -> int:
    from fastnn.tabular import load_model

    _writable(None if options.out == "-" else Path(options.out))
    model = load_model(options.model)
    found = model.predict_frame(_source(options.table), proba=options.proba)
    from pyarrow import csv

    if options.out == "-":
        csv.write_csv(found, sys.stdout.buffer)
        sys.stdout.flush()
    else:
        import io

        from fastnn.files.persistence import write_whole

        buffer = io.BytesIO()
        csv.write_csv(found, buffer)
        write_whole(Path(options.out), buffer.getvalue())
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from fastnn.tabular import load_model

    scores = load_model(options.model).evaluate(_source(options.table))
    if options.json:
        print(json.dumps(scores))
    else:
        print("\n".join(_lines(scores)))
    return 0


def _info(options: argparse.Namespace) -> int:
    from fastnn.tabular import load_model

    model = load_model(options.model)
    print(json.dumps(_facts(model)) if options.json else "\n".join(_description(model)))
    return 0


def _lines(scores: dict[str, float]) -> Iterable[str]:
    return (f"{name.replace('_', ' ')}: {value:.4g}" for name, value in scores.items())


def _description(model: Any) -> list[str]:
    """What was done, line by line."""
    target, width = model.target_, max(len(c.name) for c in model.columns_)
    networks = len(model.members_)
    lines = [f'target: "{target.name}", {target.task}, {target.why}']
    lines += [f"  {c.name:<{width}}  {c.kind:<8}  {c.why}" for c in model.columns_]
    lines += [f"note: {note}" for note in model.notes_]
    lines.append(
        f"{networks} network{'s' * (networks > 1)} trained on {model.n_rows_:,} rows in "
        f"{model.seconds_:.1f} s" + (" (broken off)" if model.interrupted_ else "")
    )
    if model.scores_:
        lines.append("on rows held out: " + ", ".join(_lines(model.scores_)))
    return lines


def _facts(model: Any) -> dict[str, Any]:
    """The same, for scripts."""
    target = model.target_
    return {
        "target": target.name, "task": target.task, "classes": list(target.classes),
        "columns": {c.name: {"kind": c.kind, "why": c.why} for c in model.columns_},
        "notes": model.notes_, "networks": len(model.members_), "rows": model.n_rows_,
        "seconds": model.seconds_, "scores": model.scores_, "interrupted": model.interrupted_,
    }  # fmt: skip
