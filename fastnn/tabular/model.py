"""TabularModel: from a table with text and gaps to predictions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.inputs.calls import explained
from fastnn.inputs.settings import Range, check_count
from fastnn.tabular.blocks import is_large, tables
from fastnn.tabular.columns import describe_columns
from fastnn.tabular.conversions import Conversions
from fastnn.tabular.members import Member
from fastnn.tabular.parsed import Parsed, parse
from fastnn.tabular.predicting import answers, frames, outputs, scores, scores_in_parts
from fastnn.tabular.progress import Progress
from fastnn.tabular.reading import read_table
from fastnn.tabular.table import Table, TableError, arrow
from fastnn.tabular.target import Target, describe_target, with_words
from fastnn.tabular.weights import as_class_weight, row_weights, with_classes

if TYPE_CHECKING:
    from fastnn.tabular.lesson import Lesson

LEAST_ROWS = 10


@explained
class TabularModel(Conversions):
    """A model for a table: what its columns are, how they are encoded, and the networks.

    Text, dates, gaps and categories are taken as they are; what each column was taken for stands
    in `columns`, and can be overruled. It is five networks, each stopped by another fifth of the
    rows (see `fastnn.estimators.MLPClassifier`, preset "tabular"). All that is learned, medians
    and categories too, is learned from the rows that a network is trained on.

    Parameters
    ----------
    target : str
        Name of the column to predict.
    task : {"classification", "regression"}, optional
        Default: text or at most 10 different whole numbers are classes, else numbers.
    columns : dict of str, optional
        What columns are taken for: "number", "category", "date" or "drop", by name.
    sample_weight : str, optional
        Name of a column of weights.
    class_weight : "balanced" or dict, optional
        Weights of the classes in training, by their names; "balanced": each class counts alike.
    holdout : float, default 0.2
        Share of the rows that is not trained on, for `scores`; 0 trains on all.
    seconds : float, optional
        Time after which no further epoch begins; the learning rate has fallen by then.
    seed : int, default 0
        The same seed gives the same bits.
    settings : dict, optional
        Further parameters of the estimator, such as ``{"hidden_layer_sizes": (64, 32)}``.

    Attributes
    ----------
    columns_ : list of Column
        What each column was taken for, and why.
    target_ : Target
    scores_ : dict
        On the rows held out: "accuracy", "log_loss" ... or "r2", "rmse" ...
    held_out_ : array
        Numbers of the rows held out, from 0.
    members_ : list of Member
        The networks, each with its encoder.
    notes_ : list of str
        What was not plain in reading the table.
    interrupted_ : bool
        Whether Ctrl-C has broken off the training; what it had learned by then is kept.
    seconds_ : float
        What `fit` took.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> town = rng.choice(["Bonn", "Ulm"], 200)
    >>> table = {"town": town, "age": rng.normal(40, 9, 200), "buys": town == "Ulm"}
    >>> model = TabularModel("buys", settings={"max_iter": 20}).fit(table)
    >>> model.predict({"town": ["Ulm"], "age": [33]}).tolist()
    ['True']
    """

    def __init__(
        self,
        target: str,
        *,
        task: str | None = None,
        columns: Mapping[str, str] | None = None,
        sample_weight: str | None = None,
        class_weight: str | Mapping[str, float] | None = None,
        holdout: float = 0.2,
        seconds: float | None = None,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        if not Range(0, 1).holds(holdout) or holdout == 1:
            raise ValueError(f"holdout is {holdout!r}; expected a share of at least 0, below 1")
        if seconds is not None and not Range(0, ends="()").holds(seconds):
            raise ValueError(f"seconds is {seconds!r}; expected a number above 0, or None")
        self.target, self.task, self.columns = target, task, dict(columns or {})
        self.class_weight = as_class_weight(class_weight)
        self.sample_weight, self.holdout, self.seconds = sample_weight, holdout, seconds
        self.seed, self.settings = check_count(seed, "seed", 0), dict(settings or {})
        self.members_: list[Member] = []

    def fit(self, source: Any, verbose: int | bool | str = "auto") -> TabularModel:
        """Learn from a table.

        Parameters
        ----------
        source : path, file, data frame or dict of columns
            As for `read_table`. Rows without a target are left out.
        verbose : {"auto", 0, 1}
            Whether a bar shows how far it is; "auto": on a terminal and in a notebook.

        Returns
        -------
        self : TabularModel

        Raises
        ------
        TableError
            For a table that cannot be read, or holds no target to learn.
        """
        start, progress = time.perf_counter(), Progress(verbose)
        if is_large(source):
            from fastnn.tabular.large import fit_large

            return fit_large(self, source, progress)
        from fastnn.tabular.lesson import train_members

        lesson, learned, held_out = self.prepare(read_table(source), progress)
        self.members_, self.interrupted_ = train_members(
            lesson, learned, self.seed, self.seconds, self.settings
        )
        self.columns_, self.target_, self.notes_ = list(lesson.columns), lesson.target, lesson.notes
        self.n_rows_, self.held_out_ = len(learned), lesson.numbers[held_out]
        self.scores_: dict[str, float] = {}
        if len(held_out):
            kept = None if lesson.given is None else lesson.given[held_out]
            judged = lesson.table.take(held_out)
            self.scores_ = scores(self, judged, lesson.y[held_out], kept)
        self.seconds_ = time.perf_counter() - start
        return self

    def prepare(
        self, table: Table, progress: Progress | None = None, words: Sequence[str] = ()
    ) -> tuple[Lesson, np.ndarray, np.ndarray]:
        """What is to be learned, and numbers of the rows to learn from and of those held out.

        `words` are those of a target of which the table is a part.
        """
        # Training needs scikit-learn, whose import takes longer than many predictions.
        from fastnn.tabular.folds import part_held_out
        from fastnn.tabular.lesson import Lesson

        target, table, y, notes = self._rows_with_target(table, words)
        weight = self._weights(table)
        learned, held_out = part_held_out(y, self.holdout, target.task, self.seed)
        left_out = tuple(filter(None, (self.target, self.sample_weight)))
        columns = describe_columns(table.take(learned), left_out, self.columns)
        if all(c.kind == "drop" for c in columns):
            raise TableError(
                f'{table.name} has no column to predict "{self.target}" from: '
                + ("; ".join(f"{c.name}: {c.why}" for c in columns)[:200] or "it has no other")
            )
        pull = with_classes(weight, self.class_weight, target, y, learned)
        lesson = Lesson(
            parse(columns, table), columns, target, y, pull, weight, table.rows, notes,
            progress or Progress(0),
        )  # fmt: skip
        return lesson, learned, held_out

    def predict(self, source: Any) -> np.ndarray:
        """Class names (n,), or numbers (n,), for the rows of a table.

        Columns may come in any order; others than those that were trained on are left aside.
        """
        self._fitted()
        found = np.concatenate([
            part if part.ndim == 1 else part.argmax(axis=1)
            for table in tables(source) for part in answers(self, table)
        ])  # fmt: skip
        if self.target_.task == "regression":
            return found
        return np.asarray(self.target_.classes, object)[found]

    def predict_proba(self, source: Any) -> np.ndarray:
        """Probabilities (n, classes), in the sequence of ``target_.classes``."""
        self._check_proba()
        return np.concatenate([self.outputs(table) for table in tables(source)])

    def predict_frame(self, source: Any, proba: bool = False) -> Any:
        """Predictions as a pyarrow.Table: a column named as the target, or one for each class."""
        return arrow().concat_tables(frames(self, source, proba)).combine_chunks()

    def evaluate(self, source: Any) -> dict[str, float]:
        """Scores on a table that holds the target too; see `scores_`."""
        self._fitted()
        if is_large(source):
            return scores_in_parts(self, source)
        table = read_table(source)
        rows, y = self.target_.read(table)
        if not len(rows):
            raise TableError(f'{table.name} has no row with a target "{self.target}"')
        table = table.take(rows)
        return scores(self, table, y, self._weights(table))

    def _repr_html_(self) -> str | None:
        """What Jupyter shows of a trained model."""
        if not self.members_:
            return None
        from fastnn.tabular.report.page import summary

        return summary(self)

    def _fitted(self) -> None:
        if not self.members_:
            raise ValueError("the model is not trained yet; call fit with a table")

    def outputs(self, table: Table | Parsed) -> np.ndarray:
        """The mean of what the members answer: probabilities (n, classes), or numbers (n,)."""
        self._fitted()
        return outputs(self, table)

    def _check_proba(self) -> None:
        self._fitted()
        if self.target_.task == "regression":
            raise ValueError(f'"{self.target}" is a number; predict_proba is for classes')

    def _rows_with_target(
        self, table: Table, words: Sequence[str]
    ) -> tuple[Target, Table, np.ndarray, list[str]]:
        """What the target is, the rows that have one, their targets, notes."""
        target = with_words(describe_target(table, self.target, self.task), words)
        rows, y = target.read(table)
        notes = list(table.notes)
        if len(rows) < LEAST_ROWS:
            raise TableError(
                f"{table.name} has {len(rows)} rows with a target; expected at least {LEAST_ROWS}"
            )
        if len(rows) < len(table):
            notes.append(f"{len(table) - len(rows):,} rows without a target were left out")
            table = table.take(rows)
        return target, table, y, notes

    def _weights(self, table: Table) -> np.ndarray | None:
        if self.sample_weight is None:
            return None
        return row_weights(table, self.sample_weight)
