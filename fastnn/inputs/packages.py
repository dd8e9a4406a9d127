"""Packages that need not be installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def package(name: str, use: str, install: str) -> Any:
    """A package's module, or an ImportError that says how to get it.

    Parameters
    ----------
    name : str
        Of the module.
    use : str
        Who does what with it; the sentence ends with the package.
    install : str
        What pip is to install.

    Examples
    --------
    >>> package("fractions", "sums need fractions", "python").Fraction(1, 2)
    Fraction(1, 2)
    >>> package("fraktions", "sums need fraktions", '"fastnn-mlp[sums]"')
    Traceback (most recent call last):
    ImportError: sums need fraktions, which is not installed: pip install "fastnn-mlp[sums]"
    """
    try:
        return import_module(name)
    except ImportError:
        text = f"{use}, which is not installed: pip install {install}"
    raise ImportError(text)
