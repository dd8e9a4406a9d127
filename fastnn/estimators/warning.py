"""Warnings of the estimators: at the user's line, and under the name by which filters know them."""

from __future__ import annotations

import warnings
from typing import Any

from fastnn.inputs.notes import is_kept, users_line

SKLEARN = "sklearn.neural_network._multilayer_perceptron"
OURS = "fastnn.estimators"
_said: dict[Any, Any] = {}
"""What has been said before, for filters that let each place say a thing once."""


def warn(message: str, category: type[Warning] = UserWarning, module: str = SKLEARN) -> None:
    """Warn as scikit-learn's MLP does: `filterwarnings("ignore", module="sklearn")` silences it.

    What scikit-learn's has no word of is said under our own name, `OURS`.
    """
    if is_kept(warn, message, category, module):
        return
    _, place = users_line()
    warnings.warn_explicit(
        message, category, place.f_code.co_filename, place.f_lineno, module, _said
    )
