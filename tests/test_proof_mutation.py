"""Of changes to the kernels and to the file codec, tests notice nine in ten."""

import random

import pytest
from counts import SHARE
from mutation import SUBJECTS, changed, survivors

MUTANTS = {"codec": 200, "kernels": 100, "limits": 60}


@pytest.mark.nightly
@pytest.mark.parametrize("subject", SUBJECTS)
def test_nine_mutants_in_ten_are_noticed(subject):
    count = max(1, round(MUTANTS[subject] * SHARE))
    assert len(survivors(subject, count, seed=random.randrange(2**32))) <= 0.1 * count


def test_a_mutant_is_another_program():
    source = "def f(x):\n    if x > 1:\n        raise ValueError('x')\n    return x + 2\n"
    found = {changed(source, random.Random(k))[0] for k in range(40)}
    assert len(found) >= 5
    assert source.strip() not in {one.strip() for one in found}
