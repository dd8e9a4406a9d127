"""The commands for tables: train, tune, predict, evaluate, info."""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path
from typing import Any

from fastnn.cli import described
from fastnn.cli.common import (
    INTERRUPTED,
    STANDARD,
    check_places,
    command,
    opened,
    say,
    seconds,
    sizes,
    source,
    whole,
    write,
)  # fmt: skip

KIND_HELP = "what a column is taken for: NAME=number, category, date or drop; may come again"
TABLE_HELP = "CSV or Parquet file; - for standard input"


def add_to(commands: Any) -> None:
    """Add the commands to the subparsers of `fastnn`."""
    train = commands.add_parser("train", help="train a model for a column of a CSV or Parquet file")
    _add_training(train)
    train.add_argument("--layers", type=sizes, metavar="64,32", help="units of hidden layers")
    train.add_argument("--seconds", type=seconds, help="when to stop training")
    train.set_defaults(command=command("train", _train))

    tune = commands.add_parser("tune", help="search for the best settings, and train with them")
    _add_training(tune)
    tune.add_argument("--seconds", type=seconds, default=60.0, help="for all of it, default 60")
    tune.set_defaults(command=command("tune", _tune))

    predict = commands.add_parser("predict", help="predict the rows of a file with a saved model")
    predict.add_argument("model", type=Path)
    predict.add_argument("table", help=TABLE_HELP)
    predict.add_argument("--out", default=STANDARD, help="a CSV file; default - is standard output")
    predict.add_argument("--proba", action="store_true", help="a column for each class")
    predict.set_defaults(command=command("predict", _predict))

    evaluate = commands.add_parser("evaluate", help="score a saved model on a file with targets")
    evaluate.add_argument("model", type=Path)
    evaluate.add_argument("table", help=TABLE_HELP)
    evaluate.set_defaults(command=command("evaluate", _evaluate))

    info = commands.add_parser("info", help="say what a saved model is and how it was trained")
    info.add_argument("model", type=Path)
    info.set_defaults(command=command("info", _info))
    for parser in (train, tune, evaluate, info):
        parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def _add_training(parser: argparse.ArgumentParser) -> None:
    """What `train` and `tune` both take."""
    add = parser.add_argument
    add("table", help=TABLE_HELP)
    add("--target", required=True, metavar="COLUMN", help="the column to predict")
    add("--out", default="model.safetensors", help="the model file, default model.safetensors")
    add("--report", help="also write a report, an HTML page")
    add("--task", choices=("classification", "regression"), help="default: by what the target is")
    add("--column", action="append", default=[], type=_kind, metavar="NAME=KIND", help=KIND_HELP)
    add("--weight", metavar="COLUMN", help="a column of sample weights")
    add("--balanced", action="store_true", help="each class counts alike, however many rows it has")
    add("--holdout", type=float, default=0.2, help="share of rows kept for scores, default 0.2")
    add("--seed", type=whole(0), default=0, help="default 0")


def _kind(text: str) -> tuple[str, str]:
    name, found, kind = text.rpartition("=")
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=KIND, such as zip=category")
    return name, kind


def _table(given: str) -> Any:
    """The table; of a file too large for the memory its path."""
    from fastnn.tabular.blocks import is_large
    from fastnn.tabular.reading import read_table

    return given if is_large(given) else read_table(source(given))


def _begin(options: argparse.Namespace, limit: float | None, settings: dict[str, Any]) -> Any:
    """An untrained model, once it is known that its files can be written."""
    check_places(options.out, options.report)
    from fastnn.tabular import TabularModel

    if options.report is not None:
        from fastnn.inputs.packages import package

        package("matplotlib", "a report needs matplotlib", '"fastnn-mlp[plot]"')
    return TabularModel(
        options.target, task=options.task, columns=dict(options.column),
        sample_weight=options.weight, class_weight="balanced" if options.balanced else None,
        holdout=options.holdout, seconds=limit, seed=options.seed, settings=settings,
    )  # fmt: skip


def _end(options: argparse.Namespace, model: Any, table: Any, search: Any = None) -> int:
    """Write the model and its report, and say what was done."""
    from fastnn.tabular.report import report

    files = {options.out: model.to_bytes()}
    if options.report is not None:
        files[options.report] = report(model, table, search).encode()
    write(files)
    lines, facts = described.lines(model), described.facts(model)
    written = {"model": options.out, "report": options.report}
    lines += [f"{name}: {place}" for name, place in written.items() if place]
    facts |= {name: place for name, place in written.items() if place}
    if search is not None:
        facts["tried"] = sum(trial.value == trial.value for trial in search.trials)
        lines.insert(0, f"{facts['tried']} settings tried; the best: {_shown(model.settings)}")
    say(lines, facts, options.json, STANDARD in files)
    return INTERRUPTED if model.interrupted_ else 0


def _shown(settings: dict[str, Any]) -> str:
    return ", ".join(
        f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in settings.items()
    )


def _train(options: argparse.Namespace) -> int:
    settings = {"hidden_layer_sizes": options.layers} if options.layers else {}
    model = _begin(options, options.seconds, settings)
    table = _table(options.table)
    return _end(options, model.fit(table), table)


def _tune(options: argparse.Namespace) -> int:
    model = _begin(options, None, {})
    from fastnn.tabular.search import tuned

    table = _table(options.table)
    model, search = tuned(model, table, options.seconds)
    return _end(options, model, table, search)


def _predict(options: argparse.Namespace) -> int:
    check_places(options.out)
    from pyarrow import csv

    from fastnn.tabular import load_model
    from fastnn.tabular.predicting import frames

    found = frames(load_model(options.model), source(options.table), options.proba)
    first = next(found)
    with opened(options.out) as file, csv.CSVWriter(file, first.schema) as writer:
        for frame in chain([first], found):
            writer.write_table(frame)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from fastnn.tabular import load_model

    found = load_model(options.model).evaluate(source(options.table))
    say(described.scores(found), found, options.json)
    return 0


def _info(options: argparse.Namespace) -> int:
    from fastnn.tabular import load_model

    model = load_model(options.model)
    say(described.lines(model), described.facts(model), options.json)
    return 0
