"""Warnings that scikit-learn's MLP has too, under its name: filters by module know them."""

from __future__ import annotations

import sys
import warnings
from typing import Any

MODULE = "sklearn.neural_network._multilayer_perceptron"
_said: dict[Any, Any] = {}
"""What has been said before, for filters that let each place say a thing once."""


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn as scikit-learn's MLP does: `filterwarnings("ignore", module="sklearn")` silences it."""
    place = sys._getframe(1)
    warnings.warn_explicit(
        message, category, place.f_code.co_filename, place.f_lineno, MODULE, _said
    )
