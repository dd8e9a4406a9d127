"""Features: what is accepted, what is refused and in which words, and that nothing is copied."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastnn.inputs import arrays
from fastnn.inputs.arrays import as_features, gather_kind

DTYPES = ["f2", "f4", "f8", "g", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", ">f4", ">i8"]


def unaligned(rows, columns):
    raw = np.zeros(rows * columns * 4 + 1, np.uint8)
    return raw[1:].view(np.float32).reshape(rows, columns)


def frozen(array):
    array.flags.writeable = False
    return array


ARRAYS = {
    **{dtype: np.ones((6, 4), dtype) for dtype in DTYPES},
    "strided": np.ones((12, 8), np.float32)[::2, ::2],
    "reversed": np.ones((6, 4), np.float32)[::-1, ::-1],
    "fortran": np.asfortranarray(np.ones((6, 4), np.float32)),
    "read-only": frozen(np.ones((6, 4), np.float32)),
    "unaligned": unaligned(6, 4),
    "broadcast": np.broadcast_to(np.float32(1), (6, 4)),
}


# --- features ------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ARRAYS)
@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
def test_arrays_are_never_copied_or_changed(key, dtype):
    X = ARRAYS[key]
    before, flags = X.copy(), str(X.flags)
    result = as_features(X, n_features=4, dtype=dtype)
    assert type(result) is np.ndarray
    assert np.shares_memory(result, X)
    assert (result.dtype, result.shape, result.strides) == (X.dtype, X.shape, X.strides)
    assert_array_equal(X, before)
    assert str(X.flags) == flags


def test_memmap_stays_on_disk(tmp_path):
    path = tmp_path / "X.bin"
    np.arange(24, dtype=np.float32).tofile(path)
    X = np.memmap(path, np.float32, mode="r", shape=(6, 4))
    result = as_features(X)
    assert np.shares_memory(result, X)
    assert gather_kind(result) == "float32"


def test_only_small_blocks_are_looked_at(monkeypatch):
    sizes = []
    fine = arrays._surely_fine
    monkeypatch.setattr(arrays, "FEW", 0)
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(
        arrays, "_surely_fine", lambda block, most: sizes.append(block.nbytes) or fine(block, most)
    )
    as_features(np.ones((100, 10), np.float64))
    assert max(sizes) <= 1000
    assert sum(sizes) == 100 * 10 * 8


@pytest.mark.parametrize(
    "X", [[[1, 2], [3, 4]], ((1.0, 2), (3, 4)), [np.ones(2), np.zeros(2)], [[True, False]]]
)
def test_lists(X):
    assert_array_equal(as_features(X), np.asarray(X))


def test_matrix_and_unmasked_masked_array():
    assert type(as_features(np.ones((2, 2)).view(np.matrix))) is np.ndarray
    X = np.ma.masked_array(np.ones((2, 2)))
    assert type(as_features(X)) is np.ndarray
    assert np.shares_memory(as_features(X), X.data)


REFUSED = [
    (np.ones(3), ValueError, r"1-D with shape \(3,\).*X.reshape\(-1, 1\).*X.reshape\(1, -1\)"),
    (np.ones((2, 3, 4)), ValueError, r"shape \(2, 3, 4\).*X.reshape\(len\(X\), -1\)"),
    (np.float64(3), ValueError, "a single number"),
    (5, ValueError, "a single number"),
    (np.ones((0, 3)), ValueError, r"\(0, 3\), so it is empty"),
    (np.ones((3, 0)), ValueError, r"\(3, 0\), so it is empty"),
    ([], ValueError, "empty"),
    ([[], []], ValueError, "empty"),
    ([[1, 2], [3]], ValueError, "different lengths.*pad or cut"),
    (np.array([["a", "b"]]), TypeError, "dtype <U1; expected real numbers; encode text"),
    (np.array([[1, "b"]], object), TypeError, "holds 'b' at row 0, column 1"),
    ([[1.0, 2.0], [None, 3.0]], TypeError, "holds None at row 1, column 0"),
    (np.array([[1, 2]], object), TypeError, r"all entries are numbers.*X.astype\(float\)"),
    (np.ones((2, 2), complex), TypeError, "complex128.*real and imaginary parts"),
    (np.zeros((2, 2), "M8[D]"), TypeError, "datetime64.*expected real numbers"),
    (np.zeros((2, 2), "m8[s]"), TypeError, "timedelta64"),
    (np.zeros(2, "f4,f4"), TypeError, "expected real numbers"),
    (None, TypeError, "X is None of type NoneType.*pass an array"),
    ({"a": 1}, TypeError, "of type dict"),
    ("text", TypeError, "expected real numbers"),
    ((i for i in "ab"), TypeError, "of type generator"),
    (
        np.ma.masked_array(np.ones((2, 2)), [[0, 0], [1, 0]]),
        ValueError,
        "masked entry at row 1, column 0",
    ),
]


@pytest.mark.parametrize(("X", "error", "match"), REFUSED)
def test_refused_features(X, error, match):
    with pytest.raises(error, match=match):
        as_features(X)


def test_wrong_number_of_columns():
    with pytest.raises(ValueError, match="X has 3 columns but the model was built for 64 features"):
        as_features(np.ones((2, 3)), n_features=64)


def test_the_name_is_in_the_message():
    with pytest.raises(ValueError, match="validation_data X is 1-D"):
        as_features(np.ones(3), name="validation_data X")


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_array", "coo_matrix"])
def test_sparse(kind):
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"sparse matrix \(c.*densify it with X.toarray\(\)"):
        as_features(getattr(sparse, kind)(np.eye(3)))


# --- NaN, Inf, too large -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", ">f4"])
@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf")])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_first_bad_entry_is_named(monkeypatch, dtype, value, word, order):
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 64)
    X = np.ones((50, 4), dtype, order=order)
    X[30, 2] = X[31, 0] = X[49, 3] = value
    for target in (None, np.float32, np.float64):
        with pytest.raises(ValueError, match=f"X holds {word} at row 30, column 2; expected fin"):
            as_features(X, dtype=target)


def test_infinities_that_cancel_are_found():
    X = np.ones((3, 2))
    X[1] = np.inf, -np.inf
    with pytest.raises(ValueError, match="inf at row 1, column 0"):
        as_features(X)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_an_overflowing_sum_is_no_error(dtype):
    X = np.full((3000, 4), np.finfo(dtype).max, dtype)
    assert as_features(X) is X


@pytest.mark.parametrize("value", [1e300, -3.5e38])
@pytest.mark.parametrize("dtype", ["f8", "g"])
def test_beyond_float32(value, dtype):
    X = np.ones((5, 3), dtype)
    X[4, 1] = value
    assert as_features(X, dtype=np.float64) is X
    assert as_features(X) is X
    with pytest.raises(ValueError, match=r"at row 4, column 1; .* the largest float32; rescale"):
        as_features(X, dtype=np.float32)


def test_the_largest_float32_passes():
    X = np.full((2, 2), np.finfo(np.float32).max, np.float64)
    assert as_features(X, dtype=np.float32) is X


@pytest.mark.parametrize("rows", [3, arrays.FEW])
@pytest.mark.parametrize("squares", [False, True])
@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
@pytest.mark.parametrize("own", ["f2", "f4", ">f4", "f8", "g"])
def test_few_and_many_numbers_have_one_limit(own, dtype, squares, rows):
    if squares and dtype is None:
        return
    X = np.ones((rows, 2), own)
    most = X.dtype.type(min(np.finfo(own).max, np.finfo(dtype or own).max))
    with np.errstate(over="ignore"):
        if squares:
            most = min(most, X.dtype.type(np.sqrt(np.finfo(dtype).max.astype(np.float64))))
        above = np.nextafter(most, X.dtype.type(np.inf))
    for sign in (1, -1):
        X[-1, 1] = sign * most
        assert as_features(X, dtype=dtype, squares=squares) is X
        for bad in (above, np.inf, np.nan):
            X[-1, 1] = sign * bad
            with pytest.raises(ValueError, match=f"at row {rows - 1}, column 1"):
                as_features(X, dtype=dtype, squares=squares)


# --- which arrays compiled code reads in place ---------------------------------------------


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("f4", "float32"),
        ("f8", "float64"),
        ("u1", "uint8"),
        ("strided", "float32"),
        ("reversed", "float32"),
        ("fortran", "float32"),
        ("read-only", "float32"),
        ("broadcast", "float32"),
        ("unaligned", None),
        *((dtype, None) for dtype in DTYPES if dtype not in ("f4", "f8", "u1")),
    ],
)
def test_gather_kind(key, kind):
    assert gather_kind(ARRAYS[key]) == kind


def test_gather_kind_of_a_field_with_odd_strides():
    records = np.zeros(4, np.dtype([("flag", "u1"), ("x", "f4", 3)], align=False))
    assert gather_kind(records["x"]) is None


# --- frames --------------------------------------------------------------------------------


@pytest.fixture(params=["pandas", "polars"])
def frames(request):
    return pytest.importorskip(request.param)


def test_numeric_frame(frames):
    X = as_features(frames.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": [True, False]}))
    assert X.dtype.kind == "f"
    assert_array_equal(X, [[1, 0.5, 1], [2, 1.5, 0]])


def test_frame_of_one_type_keeps_it(frames):
    frame = frames.DataFrame(np.arange(6, dtype=np.float32).reshape(3, 2))
    assert as_features(frame).dtype == np.float32


def test_frame_with_text_names_the_first_such_column(frames):
    frame = frames.DataFrame({"age": [1, 2], "city": ["x", "y"], "job": ["z", "z"]})
    with pytest.raises(TypeError, match=r'X has the column "city" of dtype .*; expected numbers'):
        as_features(frame)


def test_frame_with_missing_values(frames):
    frame = frames.DataFrame({"id": [1, 2, 3], "age": [1.0, None, 3.0], "ok": [True, True, None]})
    with pytest.raises(ValueError, match=r'NaN at row 1, column 1 \("age"\)'):
        as_features(frame)


def test_frame_with_the_wrong_number_of_columns(frames):
    with pytest.raises(ValueError, match="2 columns but the model was built for 3"):
        as_features(frames.DataFrame({"a": [1], "b": [2]}), n_features=3)


def test_empty_frame_and_series(frames):
    with pytest.raises(ValueError, match="empty"):
        as_features(frames.DataFrame({}))
    with pytest.raises(ValueError, match="1-D"):
        as_features(frames.Series([1, 2]))


def test_pandas_nullable_columns_and_repeated_names():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "i": pd.array([1, 2], "Int64"),
            "b": pd.array([True, False], "boolean"),
            "f": pd.array([0.5, 1], "Float32"),
        }
    )
    assert_array_equal(as_features(frame), [[1, 1, 0.5], [2, 0, 1]])
    frame.loc[1, "b"] = pd.NA
    with pytest.raises(ValueError, match=r'NaN at row 1, column 1 \("b"\)'):
        as_features(frame)
    twice = pd.DataFrame([[1, 2.5], [3, 4.5]], columns=["a", "a"])
    assert_array_equal(as_features(twice), [[1, 2.5], [3, 4.5]])


def test_pandas_frame_of_one_type_is_shared():
    pd = pytest.importorskip("pandas")
    X = np.ones((4, 3), np.float32)
    assert np.shares_memory(as_features(pd.DataFrame(X, copy=False)), X)


def test_decimal_columns_of_a_frame_are_numbers(frames):
    frame = frames.DataFrame({"price": [Decimal("1.5"), Decimal("2")], "n": [1, 2]})
    assert_array_equal(as_features(frame), [[1.5, 1], [2, 2]])


@pytest.mark.parametrize("step", [1, 2, -1])
@pytest.mark.parametrize("odd", [-1, 5, 2**62, -(2**63)])
def test_row_numbers_and_classes_lie_below(odd, step):
    numbers = np.arange(12) % 5
    assert arrays.are_below(numbers[::step], 5)
    assert arrays.are_below(numbers[:0], 5)
    for at in (0, 6, 10):
        assert not arrays.are_below(np.where(np.arange(12) == at, odd, numbers)[:11][::step], 5)
