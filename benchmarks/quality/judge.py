"""From a ledger of folds to a verdict: regret, ranks, paired differences, each with its interval.

The normalised regret of a learner on a table is (error - best) / (worst - best) over all learners;
a table on which all are equal says nothing and is left out. Intervals are bootstrapped over tables
(Efron 1987, bias-corrected and accelerated), 95 %.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

SIZES = "small", "middle", "large"
ROUNDING = 1e-12


def complete(ledger: pd.DataFrame) -> pd.DataFrame:
    """The tables on which every learner of the ledger has all its folds."""
    every = ledger.groupby("table")["learner"].nunique()
    folds = ledger.groupby(["table", "learner"])["fold"].nunique().groupby("table").min()
    whole = every.index[(every == ledger["learner"].nunique()) & (folds == folds.max())]
    return ledger[ledger["table"].isin(whole)]


def errors(ledger: pd.DataFrame) -> pd.DataFrame:
    """Mean error over the folds: tables x learners."""
    return ledger.pivot_table(index="table", columns="learner", values="error", aggfunc="mean")


def regret(error: pd.DataFrame) -> pd.DataFrame:
    """Normalised regret of the errors, tables x learners: 0 for the best, 1 for the worst."""
    best, worst = error.min(axis=1), error.max(axis=1)
    apart = worst > best
    return error[apart].sub(best[apart], axis=0).div((worst - best)[apart], axis=0)


def interval(values: Any) -> tuple[float, float]:
    """95 % interval of the mean over tables; NaN of fewer than three, or of equal ones."""
    values = np.asarray(values, float)
    if len(values) < 3 or np.ptp(values) == 0:
        return np.nan, np.nan
    found = bootstrap((values,), np.mean, rng=np.random.default_rng(0)).confidence_interval
    return float(found.low), float(found.high)


def verdict(ledger: pd.DataFrame) -> pd.DataFrame:
    """A row for each learner: regret with its interval, by size, rank, CPU seconds, calibration."""
    ledger = complete(ledger)
    error = errors(ledger)
    found, ranks = regret(error), error.rank(axis=1)
    size = ledger.groupby("table")["size"].first()
    seconds = ledger.groupby(["learner", "table"])["seconds"].sum()
    rows = {}
    for name in found.columns:
        low, high = interval(found[name])
        by_size = found[name].groupby(size.reindex(found.index)).mean()
        own = ledger[ledger["learner"] == name]
        rows[name] = {
            "tables": len(found), "regret": found[name].mean(), "low": low, "high": high,
            **{kind: by_size.get(kind, np.nan) for kind in SIZES},
            "rank": ranks[name].mean(), "cpu_seconds": seconds[name].sum(),
            "log_loss": own["log_loss"].mean(), "brier": own["brier"].mean(),
            "calibration": own["calibration"].mean(),
        }  # fmt: skip
    return pd.DataFrame(rows).T.sort_values("regret")


def against(ledger: pd.DataFrame, name: str) -> pd.DataFrame:
    """`name` beside each other learner: difference of regret (negative: `name` is better), wins,
    tables on which it is worse by more than one standard error over the folds, times as fast.
    """
    ledger = complete(ledger)
    found, seconds = regret(errors(ledger)), ledger.groupby(["learner", "table"])["seconds"].sum()
    folds = ledger.pivot_table(index=["table", "fold"], columns="learner", values="error")
    rows = {}
    for other in found.columns.drop(name):
        difference = found[name] - found[other]
        paired = (folds[name] - folds[other]).groupby("table")
        clear = paired.std() / np.sqrt(paired.count())
        # What are equal but for rounding are equal.
        worse = paired.mean() > np.maximum(clear, ROUNDING * folds[other].groupby("table").mean())
        low, high = interval(difference)
        rows[other] = {
            "difference": difference.mean(), "low": low, "high": high,
            "wins": int((difference < 0).sum()), "losses": int((difference > 0).sum()),
            "clearly_worse": int(worse.sum()),
            "times_as_fast": np.exp(np.log(seconds[other] / seconds[name]).mean()),
        }  # fmt: skip
    return pd.DataFrame(rows).T


def draw(table: pd.DataFrame, path: str) -> None:
    """Regret with its interval over CPU seconds, a point for each learner."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, row in table.iterrows():
        spread = [[row["regret"] - row["low"]], [row["high"] - row["regret"]]]
        axes.errorbar(row["cpu_seconds"], row["regret"], yerr=np.nan_to_num(spread), fmt="o")
        place = row["cpu_seconds"], row["regret"]
        axes.annotate(str(name), place, xytext=(6, 4), textcoords="offset points")
    axes.set(
        xscale="log", xlabel="CPU seconds, all tables and folds", ylabel="mean normalised regret",
        title=f"{int(table['tables'].iloc[0])} tables, 95 % intervals over tables",
    )  # fmt: skip
    axes.margins(x=0.2)
    figure.savefig(path)
