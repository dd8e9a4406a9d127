"""Targets, sample weights, splits and counts: what comes out, and every refusal in its words."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastnn.inputs.names import unknown
from fastnn.inputs.settings import check_count
from fastnn.inputs.splits import split
from fastnn.inputs.targets import as_sample_weight, as_targets

NUMBERS = ["f2", "f4", "f8", "g", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">f4", ">i8"]
LOSS_KINDS = ["classes", "binary", "real", "counts"]


def frozen(array):
    array.flags.writeable = False
    return array


# --- targets -------------------------------------------------------------------------------


def targets(y, kind, outputs, rows=None, dtype=np.float32, **more):
    return as_targets(y, kind, outputs, len(y) if rows is None else rows, dtype, **more)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_labels(dtype, shape):
    y = np.array([0, 2, 1, 2], dtype).reshape(shape)
    result = targets(y, "classes", 3)
    assert result.labels
    assert result.array.dtype == np.int64
    assert_array_equal(result.array, [0, 2, 1, 2])


def test_bool_labels():
    assert_array_equal(targets([True, False], "classes", 2).array, [1, 0])


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "u1", ">f4"])
def test_one_hot_and_soft_rows(dtype):
    result = targets(np.asfortranarray(np.eye(3, dtype=dtype)), "classes", 3)
    assert not result.labels
    assert result.array.dtype == np.float32
    assert result.array.flags.c_contiguous
    assert_array_equal(result.array, np.eye(3))
    soft = np.array([[0.2, 0.8], [0.4999, 0.5]])
    assert_array_equal(targets(soft, "classes", 2, dtype=np.float64).array, soft)


@pytest.mark.parametrize("kind", ["binary", "real", "counts"])
@pytest.mark.parametrize("y", [[0, 1, 1], [[0], [1], [1]], np.array([0, 1, 1.0]), [False, True, 1]])
def test_one_target_becomes_a_column(kind, y):
    result = targets(y, kind, 1)
    assert not result.labels
    assert result.array.dtype == np.float32
    assert_array_equal(result.array, [[0], [1], [1]])


@pytest.mark.parametrize("kind", ["binary", "real", "counts"])
def test_several_targets(kind):
    y = np.array([[0, 1], [0.5, 0.25]])
    assert_array_equal(targets(y, kind, 2).array, y)


def test_fewer_targets_than_outputs():
    assert targets([1.0, 2.0], "real", 3, n_targets=1).array.shape == (2, 1)
    assert targets(np.ones((4, 2)), "real", 6, n_targets=2).array.shape == (4, 2)
    with pytest.raises(ValueError, match=r"expected \(4, 2\) to match the model's 2 targets"):
        targets(np.ones((4, 6)), "real", 6, n_targets=2)


@pytest.mark.parametrize(("kind", "y"), [("classes", np.arange(3)), ("real", np.ones((3, 3)))])
def test_right_targets_are_shared(kind, y):
    assert np.shares_memory(targets(y, kind, 3, dtype=np.float64).array, y)


@pytest.mark.parametrize("kind", LOSS_KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_users_targets_stay_and_the_result_is_writable(kind, dtype):
    y = frozen(np.eye(3, dtype=dtype))
    result = targets(y, kind, 3, dtype=dtype).array
    assert result.flags.writeable
    assert not np.shares_memory(result, y)
    assert_array_equal(y, np.eye(3))


REFUSED_TARGETS = [
    # kind, outputs, y, error, message
    ("classes", 3, [0, 1, 3], ValueError, r"label 3 at row 2; expected 0 to 2 .* Dense\(4\)"),
    ("classes", 3, [1, 2, 3], ValueError, r"run from 1 to 3: pass y - 1"),
    ("classes", 2, [1, -1, 1], ValueError, r"label -1 at row 1.*renumber.*np.unique\(y"),
    ("classes", 3, [0, 1, 9], ValueError, r"label 9 at row 2.*Dense\(10\)"),
    ("classes", 2, [0, 1, 10**9], ValueError, r"label 1000000000 at row 2.*renumber"),
    ("classes", 2, np.array([0, 2**63], "u8"), ValueError, "label 9223372036854775808 at row 1"),
    ("classes", 3, [0, 1.5, 2], ValueError, 'holds 1.5 at row 1.*whole-number.*loss "mse"'),
    ("classes", 3, ["a", "b"], TypeError, r"classes, y = np.unique\(y, return_inverse=True\)"),
    ("classes", 3, np.array(["a", 1], object), TypeError, "'a' at row 0.*np.unique"),
    ("classes", 1, [0, 1], ValueError, 'with 1 output.*Sigmoid.*"binary_cross_entropy"'),
    ("classes", 1, [[0], [1]], ValueError, "with 1 output"),
    ("classes", 3, np.ones((2, 2)) / 2, ValueError, r"2 columns .* 3 outputs.*Dense\(2\)"),
    ("classes", 2, [[1, 0], [1, 1]], ValueError, "sums to 2 in row 1.*Sigmoid"),
    ("classes", 2, [[1, 0], [2, -1]], ValueError, "holds -1 at row 1, column 1.*probabilities"),
    ("classes", 2, [0, np.nan], ValueError, "y holds NaN at row 1;"),
    ("binary", 1, [0, 1, 2], ValueError, "holds 2 at row 2.*from 0 to 1; for more.*Softmax"),
    ("binary", 1, [-1, 1], ValueError, "holds -1 at row 0.*pass y == 1"),
    ("binary", 1, [1, 2], ValueError, "holds 2 at row 1.*pass y == 2"),
    ("binary", 4, [0, 1], ValueError, r'\(2,\); expected \(2, 4\).*Dense\(1\).*"cross_entropy"'),
    ("binary", 1, np.eye(2), ValueError, r"expected \(2, 1\) to match the model's 1 target; "),
    ("real", 3, [0, 1], ValueError, r"expected \(2, 3\).*for class labels use Softmax"),
    ("real", 1, np.ones((2, 3)), ValueError, r"\(2, 3\); expected \(2, 1\).*Dense\(3\)"),
    ("real", 2, [[1, 2], [1, np.inf]], ValueError, "y holds inf at row 1, column 1"),
    ("real", 1, [1, 1e300], ValueError, r"1e\+300 at row 1; .*the largest float32"),
    ("counts", 1, [3, -2], ValueError, "holds -2 at row 1.*nothing below 0"),
]


@pytest.mark.parametrize(("kind", "outputs", "y", "error", "match"), REFUSED_TARGETS)
def test_refused_targets(kind, outputs, y, error, match):
    with pytest.raises(error, match=match):
        targets(y, kind, outputs)


@pytest.mark.parametrize("kind", LOSS_KINDS)
def test_targets_of_the_wrong_shape(kind):
    with pytest.raises(ValueError, match="y has 5 rows but X has 7; pass one target row per sam"):
        targets(np.zeros(5, int), kind, 2, rows=7)
    with pytest.raises(ValueError, match=r"y has 1 rows but X has 7; .*here y.ravel\(\)"):
        targets(np.zeros((1, 7), int), kind, 2, rows=7)
    with pytest.raises(ValueError, match=r"y has shape \(2, 2, 2\)"):
        targets(np.zeros((2, 2, 2)), kind, 2)
    with pytest.raises(ValueError, match=r"y has shape \(\)"):
        targets(3, kind, 2, rows=1)
    with pytest.raises(ValueError, match="validation_data y has 5 rows"):
        targets(np.zeros(5), kind, 2, rows=7, name="validation_data y")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_targets_from_series_and_frames(library):
    frames = pytest.importorskip(library)
    labels = as_targets(frames.Series([0, 2, 1]), "classes", 3, 3, np.float32)
    assert_array_equal(labels.array, [0, 2, 1])
    rows = frames.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert_array_equal(as_targets(rows, "real", 2, 2, np.float32).array, [[1, 3], [2, 4]])
    with pytest.raises(TypeError, match=r"np.unique\(y, return_inverse=True\)"):
        as_targets(frames.Series(["x", "y"]), "classes", 2, 2, np.float32)
    with pytest.raises(ValueError, match="y holds NaN at row 1"):
        as_targets(frames.Series([1, None]), "classes", 2, 2, np.float32)


# --- sample weights ------------------------------------------------------------------------


def test_sample_weight():
    assert as_sample_weight(None, 3, np.float32) is None
    result = as_sample_weight([[1], [0], [2]], 3, np.float32)
    assert result.dtype == np.float32
    assert_array_equal(result, [1, 0, 2])


@pytest.mark.parametrize(
    ("weight", "match"),
    [
        ([1, 2], r"shape \(2,\) but X has 3 rows"),
        (np.ones((3, 2)), "pass one weight per sample"),
        (2.0, r"shape \(\) but X has 3 rows"),
        ([1, np.nan, 1], "sample_weight holds NaN at row 1"),
        ([1, 1, -1], "holds -1 at row 2; expected weights.*use 0"),
        ([0, 0, 0], "0 in every row"),
    ],
)
def test_refused_sample_weight(weight, match):
    with pytest.raises(ValueError, match=match):
        as_sample_weight(weight, 3, np.float32)


# --- split ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "fraction"), [(2, 0.01), (2, 0.99), (10, 0.2), (1797, 0.2)])
def test_split_by_count(n, fraction):
    train, validation = split(n, fraction, np.random.default_rng(0))
    assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(n))
    assert len(validation) == min(max(round(n * fraction), 1), n - 1)


def test_split_is_shuffled_and_repeatable():
    first = split(100, 0.2, np.random.default_rng(1))
    again = split(100, 0.2, np.random.default_rng(1))
    other = split(100, 0.2, np.random.default_rng(2))
    assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])
    assert np.any(np.diff(first[0]) < 0)
    assert np.any(np.diff(first[1]) < 0)


@pytest.mark.parametrize("seed", range(20))
def test_each_class_has_its_share(seed):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(6), rng.integers(1, 40, 6)))
    fraction = rng.uniform(0.05, 0.95)
    train, validation = split(y, fraction, rng)
    size = np.bincount(y, minlength=6)
    of_train, of_validation = (np.bincount(y[part], minlength=6) for part in (train, validation))
    assert_array_equal(of_train + of_validation, size)
    assert np.all(of_train[size > 1] > 0)
    assert np.all(of_validation[size > 1] > 0)
    assert np.all(of_train[size == 1] == 1)
    quota = size * round(fraction * len(y)) / len(y)
    assert np.all(np.abs(of_validation - quota) < 1)


def test_stratified_split_has_the_exact_size_and_is_shuffled():
    y = np.repeat([0, 1, 2], [50, 30, 20])
    train, validation = split(y, 0.25, np.random.default_rng(0))
    assert len(validation) == 25
    assert_array_equal(np.sort(np.bincount(y[validation])), [5, 7, 13])
    assert np.any(np.diff(y[train]) < 0)
    assert np.any(np.diff(y[validation]) < 0)


def test_one_hot_rows_and_columns_are_stratified_too():
    y = np.repeat([0, 1], [90, 10])
    for form in (np.eye(2)[y], y[:, None], list(y)):
        _, validation = split(form, 0.2, np.random.default_rng(0))
        assert_array_equal(np.bincount(y[validation]), [18, 2])


def test_split_without_stratify_or_with_single_rows_only():
    y = np.arange(10)
    assert len(split(y, 0.2, np.random.default_rng(0))[1]) == 2
    y = np.repeat([0, 1], [99, 1])
    parts = [split(y, 0.5, np.random.default_rng(s), stratify=False)[1] for s in range(20)]
    assert any(99 in part for part in parts)


@pytest.mark.parametrize("fraction", [0, 1, 0.0, 1.0, -0.2, 1.5, float("nan"), 20])
def test_split_fraction_out_of_range(fraction):
    with pytest.raises(ValueError, match=r"validation_split is .*between 0 and 1; 0.2 validates"):
        split(10, fraction, np.random.default_rng(0))


@pytest.mark.parametrize("fraction", [True, "0.2", None])
def test_split_fraction_of_the_wrong_type(fraction):
    with pytest.raises(TypeError, match=r"validation_split is .*expected a fraction"):
        split(10, fraction, np.random.default_rng(0))


@pytest.mark.parametrize("y", [0, 1, [3]])
def test_too_few_rows_to_split(y):
    with pytest.raises(ValueError, match="cannot be split; expected at least 2"):
        split(y, 0.2, np.random.default_rng(0))


# --- counts and names ----------------------------------------------------------------------


@pytest.mark.parametrize("value", [3, np.int32(3), np.uint8(3), np.array(3)])
def test_counts(value):
    result = check_count(value, "epochs")
    assert type(result) is int
    assert result == 3
    assert check_count(0, "epochs", minimum=0) == 0


def test_refused_counts():
    message = 'batch_size is 0; expected a whole number of at least 1, "auto" or None for the full'
    with pytest.raises(ValueError, match=message):
        check_count(0, "batch_size")
    with pytest.raises(ValueError, match="epochs is -1; expected a whole number of at least 0"):
        check_count(-1, "epochs", minimum=0)
    with pytest.raises(TypeError, match=r"epochs is 3.0, a float; expected .*; write 3"):
        check_count(3.0, "epochs")


@pytest.mark.parametrize("value", [True, np.True_, 2.5, "3", None, [3], np.array([1, 2]), np.inf])
def test_counts_of_the_wrong_type(value):
    with pytest.raises(TypeError, match=r"epochs is .*expected a whole number of at least 1"):
        check_count(value, "epochs")


def test_unknown_names():
    known = ["sgd", "adam", "AdamW"]
    message = str(unknown("optimizer", "adm", known))
    assert message == 'unknown optimizer "adm"; did you mean "adam"? Known: sgd, adam, AdamW'
    assert 'did you mean "AdamW"?' in str(unknown("optimizer", "ADAMW", known))
    assert str(unknown("optimizer", "zzz", known)).startswith('unknown optimizer "zzz"; Known')
    assert str(unknown("optimizer", 3, iter(known))).startswith("unknown optimizer 3; Known")
    assert isinstance(unknown("optimizer", "adm", known), ValueError)
