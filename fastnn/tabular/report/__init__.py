"""A report: one HTML page about a trained model and the rows that it was not trained on."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np

from fastnn.files.version import __version__
from fastnn.tabular.blocks import is_large
from fastnn.tabular.model import TabularModel
from fastnn.tabular.reading import read_table
from fastnn.tabular.report import figures, findings
from fastnn.tabular.report import page as html
from fastnn.tabular.sample import rows_of
from fastnn.tabular.table import Table


def report(model: TabularModel, source: Any, search: Any = None) -> str:
    """The page, as text.

    Parameters
    ----------
    model : TabularModel
        Trained.
    source : path, data frame or dict of columns
        The table that it was trained on, of which it held out some rows; where it held out none,
        or for another table, all rows are judged.
    search : fastnn.tune.Result, optional
        That has found the model's settings.

    Returns
    -------
    page : str
        An HTML document that needs no other file.

    Raises
    ------
    ImportError
        Without matplotlib: ``pip install "fastnn-mlp[plot]"``.
    """
    whole = rows_of(source, model.held_out_) if is_large(source) else read_table(source)
    rows, y = model.target_.read(whole)
    held_out = np.ones(len(rows), bool)
    if len(model.held_out_):
        held_out = np.isin(whole.rows[rows], model.held_out_)
    rows, y = rows[held_out], y[held_out]
    judged = whole.take(rows)
    outputs = model.outputs(judged)
    return html.page(
        f"{model.target} · fastnn",
        [
            *_top(model, whole, len(rows)),
            *_columns(model),
            *_search(search, model.target_.task),
            *_pictures(model, judged, y, outputs),
            *_wrong(model, y, outputs, rows),
            html.heading("How the columns are distributed"),
            html.paragraph("Of the rows held out: later data can be held against it.", True),
            html.table(("column", "distribution"), findings.baseline(judged, model.columns_)),
            html.heading("Train it again"),
            html.code(command(model, whole.name)),
            html.paragraph(f"fastnn {__version__}, seed {model.seed}", True),
        ],
    )


def _top(model: TabularModel, table: Table, judged: int) -> list[str]:
    target = model.target_
    members = len(model.members_)
    networks = f"{members} networks" if members > 1 else "one network"
    return [
        html.heading(f"{target.name}: {target.task}", 1),
        html.paragraph(
            f"{table.name}: {len(table):,} rows. {networks.capitalize()} trained on "
            f"{model.n_rows_:,} rows in {model.seconds_:.1f} s; scores on {judged:,} others.",
            True,
        ),
        html.cards((_NAMES[k], f"{v:.4g}") for k, v in model.scores_.items()),
        *(html.paragraph(note[:1].upper() + note[1:] + ".") for note in model.notes_),
    ]


_NAMES = {
    "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "log_loss": "log loss",
    "roc_auc": "area under ROC", "r2": "R²", "rmse": "root mean square error",
    "mae": "mean absolute error",
}  # fmt: skip


def _columns(model: TabularModel) -> list[str]:
    rows = [(c.name, "left out" if c.kind == "drop" else c.kind, c.why) for c in model.columns_]
    return [
        html.heading("What the columns were taken for"),
        html.table(("column", "taken for", "because"), rows),
    ]


def _search(search: Any, task: str) -> list[str]:
    """The settings that were tried, the best first."""
    if search is None:
        return []
    measure = "log loss" if task == "classification" else "root mean square error"
    done = sorted((t for t in search.trials if t.value == t.value), key=lambda t: -t.value)
    names = list(dict.fromkeys(name for trial in done for name in trial.params))
    rows = [
        (f"{-t.value:.5g}", *(_setting(t.params.get(name)) for name in names), f"{t.seconds:.1f} s")
        for t in done[:MOST_TRIALS]
    ]
    more = f" The best {MOST_TRIALS} of them:" if len(done) > MOST_TRIALS else ""
    return [
        html.heading("The search"),
        html.paragraph(f"{len(done)} settings were tried, judged by the {measure} "
                       f"on rows that they were not trained on.{more}", True),
        html.figures((figures.trial(done, name, measure), "") for name in names),
        html.table((measure, *names, "time"), rows),
    ]  # fmt: skip


MOST_TRIALS = 15


def _setting(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _pictures(model: TabularModel, table: Table, y: np.ndarray, outputs: np.ndarray) -> list[str]:
    found = findings.importances(model, table, y)
    smoothing = ": the loss counts label smoothing, the score does not"
    of_member = " (of the first of them)" if len(model.members_) > 1 else ""
    shown = [
        (
            figures.curves(model.members_[0].network.history),
            f"Loss over the epochs{of_member}; the dot is the epoch kept, by its score"
            f"{smoothing * (model.target_.task == 'classification')}.",
        ),
        (
            figures.importance_bars(found),
            f"What each column is worth; the lines are the spread of {findings.REPEATS} shuffles.",
        ),
    ]
    parts = [html.heading("Training, and what mattered"), html.figures(shown)]
    parts.append(html.heading("Predictions"))
    if model.target_.task == "regression":
        return [*parts, html.figures([(figures.predicted_against_true(y, outputs), _JUDGED)])]
    chosen, classes = outputs.argmax(axis=1), model.target_.classes
    drawn = [
        (figures.confusion(y, chosen, classes), _JUDGED),
        (figures.calibration(y, outputs), "Whether probabilities can be believed."),
    ]
    return [*parts, html.figures(drawn), *_per_class(y, chosen, classes)]


_JUDGED = "Of the rows held out."
MOST_CLASSES = 50
"""In the table of classes."""


def _per_class(y: np.ndarray, chosen: np.ndarray, classes: tuple[str, ...]) -> list[str]:
    """Precision and recall of each class; where there are many, of the most frequent ones."""
    n = len(classes)
    true, said, hit = (np.bincount(of, minlength=n) for of in (y, chosen, y[y == chosen]))
    listed = np.sort(np.argsort(-true, kind="stable")[:MOST_CLASSES])
    rows = [
        (classes[k], f"{true[k]:,}",
         f"{hit[k] / said[k]:.3f}" if said[k] else "never predicted",
         f"{hit[k] / true[k]:.3f}" if true[k] else "none there")
        for k in listed
    ]  # fmt: skip
    more = [html.paragraph(f"And {n - len(rows):,} classes of fewer rows.", True)]
    return [html.table(("class", "rows", "precision", "recall"), rows), *more * (n > len(rows))]


def _wrong(model: TabularModel, y: np.ndarray, outputs: np.ndarray, rows: np.ndarray) -> list[str]:
    worst = findings.most_wrong(model, y, outputs, rows)
    if not worst:
        return []
    cells = [(str(w.row), w.true, w.predicted, w.note) for w in worst]
    return [
        html.heading("Where it is most wrong"),
        html.table(("row", "true", "predicted", "by"), cells),
    ]


def command(model: TabularModel, name: str) -> str:
    """The command that trains such a model again; in Python where it has no word for a setting."""
    others = {k: v for k, v in model.settings.items() if k != "hidden_layer_sizes"}
    if others or isinstance(model.class_weight, dict):
        given = {"task": model.task, "columns": model.columns, "seed": model.seed,
                 "sample_weight": model.sample_weight, "class_weight": model.class_weight,
                 "settings": model.settings}  # fmt: skip
        words = [repr(model.target), *(f"{k}={v!r}" for k, v in given.items() if v)]
        return f"fastnn.TabularModel({', '.join(words)}).fit({name!r})"
    words = ["fastnn", "train", name, "--target", model.target, "--seed", str(model.seed)]
    for column, kind in model.columns.items():
        words += ["--column", f"{column}={kind}"]
    if model.task:
        words += ["--task", model.task]
    if model.sample_weight:
        words += ["--weight", model.sample_weight]
    if model.class_weight:
        words += ["--balanced"]
    if model.holdout != 0.2:
        words += ["--holdout", f"{model.holdout:g}"]
    if model.seconds:
        words += ["--seconds", f"{model.seconds:g}"]
    if model.settings:
        words += ["--layers", ",".join(map(str, model.settings["hidden_layer_sizes"]))]
    return shlex.join(words)
