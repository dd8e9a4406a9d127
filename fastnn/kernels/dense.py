"""Floor 0. What surrounds the matrix products: rows of X, biases, input standardisation."""

from fastnn.kernels.functions import ZERO
from fastnn.kernels.jit import exact_kernel, kernel
from fastnn.kernels.memory import vector


@kernel
def gather_rows(X, row, column, order, start, x):
    """x[i] = X[order[start + i]], with strides of X in elements; no order: rows in sequence."""
    ordered = order.size > 0
    for i in range(x.shape[0]):
        place = (order[start + i] if ordered else start + i) * row
        target = x[i]
        if column == 1:
            source = vector(X, place, x.shape[1])
            for j in range(x.shape[1]):
                target[j] = source[j]
        else:
            for j in range(x.shape[1]):
                target[j] = vector(X, place + j * column, 1)[0]


@kernel
def copy(x, y):
    """y = x, element by element."""
    for i in range(x.size):
        y[i] = x[i]


@kernel
def has_bad_number(x):
    """Whether an element of x is not finite."""
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i] * ZERO
    # NaN is not 0.
    return total != ZERO


@exact_kernel
def standardize(x, moments):
    """x = (x - mean) / deviation in place; moments (2, n) holds both."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = (x[i, j] - moments[0, j]) / moments[1, j]


@kernel
def scale_columns(x, s, y):
    """y = s x, column by column."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = s[j] * x[i, j]
