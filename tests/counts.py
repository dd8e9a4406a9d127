"""How often the proofs repeat what they do: a share of the nightly figure, by hand.

``FASTNN_SHARE=0.1 python -m pytest -m nightly`` repeats a tenth of what a night would.
"""

import os

import pytest

SHARE = float(os.environ.get("FASTNN_SHARE", "1"))


def counts(each_change, each_night):
    """A test with an argument `count`: the first figure by default, the second with -m nightly."""
    night = max(1, round(each_night * SHARE))
    return pytest.mark.parametrize(
        "count", [each_change, pytest.param(night, marks=pytest.mark.nightly)], ids=["now", "night"]
    )
