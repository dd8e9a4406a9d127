"""Matrix products: right at every size, the same bits however cut, nothing else touched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from fastnn import Adam, Dense, ReLU, Sequential, Softmax
from fastnn.engine import plan
from fastnn.engine.buffers import arena
from fastnn.kernels.machine import blocks, packing
from fastnn.kernels.machine.blocks import VECTOR
from fastnn.kernels.machine.memory import pointer, shift, start_of
from fastnn.kernels.math import dense, products


@pytest.fixture(scope="module", params=[np.float32, np.float64], ids=["float32", "float64"])
def product(request):
    """C = A B by strided views: (dtype, function)."""
    number = request.param

    @njit
    def run(a, row, step, b, ldb, c, ldc, bias, m, n, depth):
        products.multiply_in_registers(
            pointer(a, number), row, step, pointer(b, number), ldb, pointer(c, number), ldc,
            pointer(bias, number), bias != 0, m, n, depth,
        )  # fmt: skip

    return number, run


def placed(array):
    """A copy that lies as a run's arrays do: kernels read whole vectors."""
    found = arena(array.size, array.dtype).reshape(array.shape)
    found[...] = array
    return found


def multiply(product, A, B, margin=3, bias=None):
    """A B, or A B + bias, in the corner of a larger array whose rest must stay as it was."""
    B, bias = placed(B), None if bias is None else placed(bias)
    number, run = product
    (m, depth), n = A.shape, B.shape[1]
    C = np.full((m + 1, n + margin), 7, number)
    size = np.dtype(number).itemsize
    strides = [s // size for s in A.strides]
    run(A.ctypes.data, *strides, B.ctypes.data, B.strides[0] // size, C.ctypes.data, n + margin,
        0 if bias is None else bias.ctypes.data, m, n, depth)  # fmt: skip
    assert (C[m] == 7).all()
    assert (C[:, n:] == 7).all()
    return C[:m, :n]


sizes = st.integers(1, 70)


yes_no = st.booleans()


@given(m=sizes, n=sizes, depth=sizes, seed=st.integers(0, 99), turned=yes_no, added=yes_no)
@settings(deadline=None, max_examples=100)
def test_any_size(product, m, n, depth, seed, turned, added):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(depth, m)).astype(product[0]).T if turned else None
    A = rng.normal(size=(m, depth)).astype(product[0]) if A is None else A
    B = rng.normal(size=(depth, n)).astype(product[0])
    bias = (rng.normal(size=n) if added else np.zeros(n)).astype(product[0])
    scale = np.abs(A) @ np.abs(B) + np.abs(bias)
    exact = A.astype(float) @ B.astype(float) + bias
    error = np.abs(multiply(product, A, B, bias=bias if added else None) - exact)
    assert (error <= (depth + 1) * np.finfo(product[0]).eps * scale).all()


def test_large_products_are_packed_and_keep_their_bits(product, monkeypatch):
    """Rows and columns taken alone, too few to be packed, give the same bits as all of them."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(37, 700)).astype(product[0])
    B = rng.normal(size=(700, 1000)).astype(product[0])
    assert B.nbytes > products.LARGE
    assert len(A) >= products.LEAST
    C = multiply(product, A, B)
    np.testing.assert_allclose(C, A.astype(float) @ B, rtol=0, atol=2e-3)
    for i in (0, 5, 36):
        np.testing.assert_array_equal(multiply(product, A[i : i + 1], B)[0], C[i])
    part = np.ascontiguousarray(B[:, 96:200])
    np.testing.assert_array_equal(multiply(product, A, part), C[:, 96:200])
    bias = rng.normal(size=1000).astype(product[0])
    np.testing.assert_allclose(multiply(product, A, B, bias=bias), C + bias, rtol=0, atol=2e-3)


@njit
def run_layer(x, W, bias, add, z):
    (rows, n_in), n_out = x.shape, z.shape[1]
    dense.multiply(start_of(x), start_of(W), rows, 1, n_in, n_out, start_of(bias), add, start_of(z))


@pytest.mark.parametrize("number", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 8, 9, 16, 17, 33, 64, 65, 130, 257])
def test_a_row_taken_alone_keeps_its_bits(n, number):
    rng = np.random.default_rng(n)
    x, W, bias = (placed(rng.normal(size=s).astype(number)) for s in ((9, 21), (21, n), (n,)))
    for add in (False, True):
        z, alone = np.empty((9, n), number), np.full((3, n), 7, number)
        run_layer(x, W, bias, add, z)
        for k, i in enumerate((0, 8)):
            run_layer(x[i : i + 1], W, bias, add, alone[k : k + 1])
        np.testing.assert_array_equal(alone, [z[0], z[8], np.full(n, 7)])


@njit
def run_packed(a, row, step, b, ldb, apart, c, ldc, bias, add, m, n, depth):
    products.multiply_packed(
        start_of(a), row, step, start_of(b), ldb, apart, start_of(c), ldc, start_of(bias), add,
        m, n, depth,
    )  # fmt: skip


@given(
    m=st.integers(1, packing.TURNED + 9), n=st.integers(1, 9 * VECTOR),
    depth=st.integers(1, 2 * packing.DEPTH + 9), turns=st.tuples(yes_no, yes_no, yes_no),
    number=st.sampled_from([np.float32, np.float64]),
)  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_copies_of_either_side_as_it_is_or_turned(m, n, depth, turns, number):
    rng = np.random.default_rng(m + 99 * n + depth)
    A, B = (rng.normal(size=s).astype(number) for s in ((m, depth), (depth, n)))
    bias, C = rng.normal(size=n).astype(number), np.full((m + 1, n), 7, number)
    B = placed(B)
    a, row, step = (A.T.copy(), 1, m) if turns[0] else (A, depth, 1)
    b, ldb, apart = (B.T.copy(), 1, depth) if turns[1] else (B, n, 1)
    run_packed(a, row, step, b, ldb, apart, C, n, bias, turns[2], m, n, depth)
    exact = A.astype(float) @ B.astype(float) + turns[2] * bias
    scale = np.abs(A) @ np.abs(B) + np.abs(bias)
    assert (np.abs(C[:m] - exact) <= (depth + 1) * np.finfo(number).eps * scale).all()
    assert (C[m] == 7).all()


@njit
def by_strips(x, dz, W, cuts, copies, dx, z, dW):
    (rows, n_in), n_out = x.shape, dz.shape[1]
    strips, packed, turned = start_of(copies[0]), start_of(copies[1]), start_of(copies[2])
    for begin, end in cuts:
        packing.pack(start_of(W), n_in, n_out, begin, end, packed)
        packing.pack_transpose(start_of(W), n_in, n_out, begin, end, turned)
    packing.pack(start_of(dz), rows, n_out, 0, rows // 2, strips)
    packing.pack(start_of(dz), rows, n_out, rows // 2, rows, strips)
    at = start_of(z)
    products.multiply_strips(start_of(x), packed, rows, n_in, n_out, at, False, at)
    at = start_of(dx)
    products.multiply_strips(start_of(dz), turned, rows, n_out, n_in, at, False, at)
    for begin, end in cuts:
        part, at = shift(start_of(x), begin), shift(start_of(dW), begin * n_out)
        products.multiply_panels(part, strips, rows, n_in, n_out, end - begin, at)


@given(
    rows=st.integers(1, 2 * packing.DEPTH + 9), n_in=st.integers(1, 9 * VECTOR),
    n_out=st.integers(1, 9 * VECTOR), number=st.sampled_from([np.float32, np.float64]),
)  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_products_of_a_layer_by_packed_copies(rows, n_in, n_out, number):
    rng = np.random.default_rng(rows + 99 * n_in + n_out)
    sizes = (rows, n_in), (rows, n_out), (n_in, n_out)
    x, dz, W = (placed(rng.normal(size=size).astype(number)) for size in sizes)
    found = [np.full((r + 1, n), 7, number) for r, n in sizes]
    shapes = (rows, n_out), (n_in, n_out), (n_out, n_in)
    copies = np.zeros((3, VECTOR + max(blocks.packed_size(*shape) for shape in shapes)), number)
    cuts = np.array([(0, n_in // 3), (n_in // 3, n_in)])
    by_strips(x, dz, W, cuts, copies, *found)
    exact = [a.astype(float) @ b for a, b in ((dz, W.T), (x, W), (x.T, dz))]
    for C, true, depth in zip(found, exact, (n_out, n_in, rows), strict=True):
        assert (C[-1] == 7).all()
        np.testing.assert_allclose(C[:-1], true, atol=300 * depth * np.finfo(number).eps)


@pytest.mark.skipif(not blocks.MASKS, reason="narrower vectors want the copy")
def test_a_large_layer_learns_without_a_copy_of_its_transpose(monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(160, 30)).astype(np.float32), rng.integers(3, size=160)
    losses = []
    for copied in (False, True):
        if copied:
            monkeypatch.setattr(blocks, "needs_transpose", lambda *size: True)
        plan._known_program.cache_clear()
        model = Sequential([Dense(720), ReLU(), Dense(720), ReLU(), Dense(3), Softmax()], seed=0)
        model.compile(Adam(1e-3))
        losses.append(model.fit(X, y, epochs=4, batch_size=80, verbose=0)["loss"])
        ops = model._network._runs["train"][1].program.ops
        assert (ops["transposed"][2] >= 0) == copied
        assert ops["transposed"][4] >= 0
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert losses[0][-1] < 0.6 * losses[0][0]
    plan._known_program.cache_clear()


def test_nan_and_infinity_stay_visible(product):
    A, B = np.ones((9, 3), product[0]), np.ones((3, 20), product[0])
    A[2, 1], B[0, 5] = np.nan, np.inf
    C = multiply(product, A, B)
    assert np.isnan(C[2]).all()
    assert np.isinf(np.delete(C[:, 5], 2)).all()
    assert np.isfinite(np.delete(np.delete(C, 5, 1), 2, 0)).all()


@njit
def of_one_unit(x, W, bias, dz, groups, low, high, z, dx, dW):
    rows, n = x.shape[0], x.shape[1] // groups
    from_, w, at, slope = start_of(x), start_of(W), start_of(z), start_of(dz)
    dense.multiply(from_, w, rows, groups, n, 1, start_of(bias), bias.size > 0, at)
    dense.multiply_transposed(slope, w, rows, groups, n, 1, start_of(dx))
    dense.transposed_multiply(from_, slope, rows, groups, n, 1, low, high, start_of(dW))


@given(
    rows=sizes, n=sizes, groups=st.integers(1, 3), added=yes_no, seed=st.integers(0, 99),
    number=st.sampled_from([np.float32, np.float64]),
)  # fmt: skip
@settings(deadline=None, max_examples=100)
def test_layers_of_one_unit(rows, n, groups, added, seed, number):
    rng = np.random.default_rng(seed)
    x, W, bias, dz = (
        rng.normal(size=s).astype(number)
        for s in ((rows, groups * n), groups * n, groups * added, (rows, groups))
    )
    low, high = sorted(rng.integers(0, groups * n + 1, 2).tolist())
    z, dx = np.full((rows + 1, groups), 7, number), np.full((rows + 1, groups * n), 7, number)
    dW = np.full(high - low + 1, 7, number)
    of_one_unit(x, W, bias, dz, groups, low, high, z, dx, dW)
    assert dW[-1] == 7
    assert (z[rows] == 7).all()
    assert (dx[rows] == 7).all()

    X, slopes, w = x.reshape(rows, groups, n).astype(float), dz.astype(float), W.reshape(groups, n)
    tiny = (max(n, rows) + 2) * np.finfo(number).eps
    for found, exact, scale in (
        (z[:rows], (X * w).sum(2) + (bias if added else 0), (abs(X * w)).sum(2) + 9),
        (dx[:rows].reshape(X.shape), slopes[:, :, None] * w, abs(slopes[:, :, None] * w)),
        (dW[:-1], np.einsum("rgn,rg->gn", X, slopes).ravel()[low:high],
         np.einsum("rgn,rg->gn", abs(X), abs(slopes)).ravel()[low:high]),
    ):  # fmt: skip
        assert (abs(found - exact) <= tiny * scale).all()
    # A row has the same bits wherever it stands.
    for k in (0, rows // 2):
        again = np.empty((rows - k, groups), number)
        of_one_unit(x[k:].copy(), W, bias, dz[k:].copy(), groups, 0, 0, again, dx, dW)
        np.testing.assert_array_equal(again, z[k:rows])
