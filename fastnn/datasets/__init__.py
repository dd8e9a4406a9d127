"""Two small real data sets, embedded: no download, no cache, always the same bits.

`README.md` beside this file holds sources, citations and licences.
"""

from importlib.resources import files

import numpy as np

from fastnn.inputs.calls import explained

__all__ = [
    "DIGITS_CLASSES",
    "DIGITS_FEATURES",
    "IRIS_CLASSES",
    "IRIS_FEATURES",
    "load_digits",
    "load_iris",
]

DIGITS_CLASSES = tuple(str(digit) for digit in range(10))
DIGITS_FEATURES = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
IRIS_CLASSES = ("setosa", "versicolor", "virginica")
IRIS_FEATURES = (
    "sepal length (cm)",
    "sepal width (cm)",
    "petal length (cm)",
    "petal width (cm)",
)


@explained
def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits: 1797 grey images of 8 x 8 pixels.

    Returns
    -------
    X : ndarray (1797, 64), float32
        Ink from 0 to 1 in steps of 1/16, row by row (`DIGITS_FEATURES`).
    y : ndarray (1797,), int64
        The digit, 0 to 9 (`DIGITS_CLASSES`), 174 to 183 images of each.

    Both are fresh arrays, yours to change.

    References
    ----------
    E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, 1998, https://doi.org/10.24432/C50P49 (CC BY 4.0): its test set, as packed by
    scikit-learn (BSD-3).

    Examples
    --------
    >>> X, y = load_digits()
    >>> X.shape, y[:5].tolist()
    ((1797, 64), [0, 1, 2, 3, 4])
    """
    X, y = _load("digits.npz")
    return X.astype(np.float32) / np.float32(16), y.astype(np.int64)


@explained
def load_iris() -> tuple[np.ndarray, np.ndarray]:
    """Fisher's iris flowers: 50 of each of three species, sorted by species.

    Returns
    -------
    X : ndarray (150, 4), float32
        Lengths and widths in cm (`IRIS_FEATURES`).
    y : ndarray (150,), int64
        0 setosa, 1 versicolor, 2 virginica (`IRIS_CLASSES`).

    Both are fresh arrays, yours to change.

    References
    ----------
    R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7
    (1936), 179-188; UCI Machine Learning Repository, https://doi.org/10.24432/C56C76 (CC BY 4.0),
    as corrected and packed by scikit-learn (BSD-3).

    Examples
    --------
    >>> X, y = load_iris()
    >>> X.shape, IRIS_CLASSES[y[-1]]
    ((150, 4), 'virginica')
    """
    X, y = _load("iris.npz")
    return X, y.astype(np.int64)


def _load(name: str) -> tuple[np.ndarray, np.ndarray]:
    with files(__package__).joinpath(name).open("rb") as stream, np.load(stream) as data:
        return data["X"], data["y"]
