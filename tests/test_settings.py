"""Settings that do not fit are refused where they are written, in words that say what would."""

import numpy as np
import pytest

import fastnn
from fastnn import (
    ELU,
    LBFGS,
    SGD,
    Adam,
    AdamW,
    BatchNorm,
    Dense,
    Dropout,
    EarlyStopping,
    Hardmax,
    LeakyReLU,
    Members,
    NAdam,
    ReLU,
    RMSprop,
    Rprop,
    Scale,
    Sequential,
    Softmax,
    Standardize,
)
from fastnn.losses import MSE, CrossEntropy, Huber, Pinball

BOTH = (TypeError, ValueError)
OUTPUT = [Dense(2), Softmax()]

# what, error, message
ORDERS = {
    "no layers": (lambda: Sequential([]), ValueError, r"no layers; pass at least one, such as Den"),
    "one name": (lambda: Sequential("relu"), TypeError, r"got 'relu'; expected a list of layers"),
    "Softmax inside": (lambda: Sequential([Dense(3), Softmax(), Dense(2)]), ValueError,
                       r"Softmax is layer 2 of 3; expected it last.*such as ReLU\(\)"),
    "Hardmax inside": (lambda: Sequential([Dense(3), Hardmax(), ReLU()]), ValueError,
                       "Hardmax is layer 2 of 3; expected it last"),
    "late Standardize": (lambda: Sequential([Dense(3), Standardize()]), ValueError,
                         r"Standardize is layer 2; expected it first.*BatchNorm\(\)"),
    "no Dense": (lambda: Sequential([ReLU()]), ValueError, "no Dense layer"),
    "unknown name": (lambda: Sequential(["rellu", *OUTPUT]), ValueError,
                     'unknown layer "rellu"; did you mean "ReLU"'),
    "a class": (lambda: Sequential([Dense]), TypeError, r"class Dense; expected .*Dense\(\.\.\.\)"),
    "a number": (lambda: Sequential([3]), TypeError, r"got int among the layers.*such as Dense\(6"),
    "name of Dense": (lambda: Sequential(["dense"]), BOTH, r"dense.*units"),
    "name of Dropout": (lambda: Sequential(["dropout", *OUTPUT]), BOTH, r"dropout.*rate"),
    "Hardmax": (lambda: Sequential([Dense(2), Hardmax()]).compile(), ValueError,
                r"Hardmax has no gradient.*prediction only; to train, end with Softmax\(\)"),
}  # fmt: skip

MODEL = {
    "half": (lambda: Sequential(OUTPUT, dtype="float16"), ValueError, "dtype is 'float16'; expect"),
    "int": (lambda: Sequential(OUTPUT, dtype=int), ValueError, "expected float32 or float64"),
    "no type": (lambda: Sequential(OUTPUT, dtype="single!"), BOTH, "expected float32 or float64"),
    "dtype None": (lambda: Sequential(OUTPUT, dtype=None), BOTH, "expected float32 or float64"),
    "seed -1": (lambda: Sequential(OUTPUT, seed=-1), ValueError, "seed is -1; expected a whole"),
    "seed 1.5": (lambda: Sequential(OUTPUT, seed=1.5), ValueError, "seed is 1.5; expected a whole"),
    "seed True": (lambda: Sequential(OUTPUT, seed=True), ValueError, "seed is True; expected a wh"),
    "seed text": (lambda: Sequential(OUTPUT, seed="a"), ValueError, "seed is 'a'; expected a whol"),
}  # fmt: skip

RATE = "expected a finite number of at least 0 or a schedule"
OPTIMIZERS = {
    "rate -1": (lambda: Adam(-1), ValueError, rf"Adam\(learning_rate=-1\): {RATE}"),
    "rate nan": (lambda: NAdam(np.nan), ValueError, rf"NAdam\(learning_rate=nan\): {RATE}"),
    "rate inf": (lambda: SGD(np.inf), ValueError, rf"SGD\(learning_rate=inf\): {RATE}"),
    "rate text": (lambda: SGD("fast"), ValueError, rf"SGD\(learning_rate='fast'\): {RATE}"),
    "rate True": (lambda: SGD(True), BOTH, rf"SGD\(learning_rate=True\): {RATE}"),
    "momentum 1": (lambda: SGD(momentum=1), ValueError, r"SGD\(momentum=1\): .* in \[0, 1\)"),
    "momentum < 0": (lambda: SGD(momentum=-0.1), ValueError, r"momentum=-0.1\): .* in \[0, 1\)"),
    "momentum True": (lambda: SGD(momentum=True), BOTH, r"momentum=True"),
    "nesterov": (lambda: SGD(nesterov="yes"), BOTH, "nesterov='yes'.*True or False"),
    "rho": (lambda: RMSprop(rho=2), ValueError, r"RMSprop\(rho=2\): .* in \[0, 1\)"),
    "beta_1": (lambda: Adam(beta_1=1.0), ValueError, r"Adam\(beta_1=1.0\): .* in \[0, 1\)"),
    "beta_2": (lambda: Adam(beta_2=1.5), ValueError, r"Adam\(beta_2=1.5\): .* in \[0, 1\)"),
    "epsilon": (lambda: Adam(epsilon=-1), ValueError, r"Adam\(epsilon=-1\): .* at least 1e-37"),
    "epsilon 0": (lambda: Adam(epsilon=0), ValueError, "epsilon=0.*a gradient of 0 gives 0 / 0"),
    "epsilon RMSprop": (lambda: RMSprop(epsilon=0.0), ValueError, r"RMSprop\(epsilon=0.0\): expec"),
    "epsilon NAdam": (lambda: NAdam(epsilon=0), ValueError, r"NAdam\(epsilon=0\): expected"),
    "inside_root": (lambda: RMSprop(inside_root=1), ValueError, "inside_root=1.*True or False"),
    "decay": (lambda: AdamW(weight_decay=-1), ValueError, "weight_decay=-1.* at least 0"),
    "eta_plus": (lambda: Rprop(eta_plus=0.5), ValueError, r"eta_plus=0.5\): .* of at least 1"),
    "eta_minus": (lambda: Rprop(eta_minus=2), ValueError, r"eta_minus=2\): .* in \[0, 1"),
    "step_max": (lambda: Rprop(step_min=1, step_max=0.1), ValueError,
                 r"Rprop\(step_min=1, step_max=0.1\): expected step_min to be the smaller"),
    "memory": (lambda: LBFGS(memory=0), ValueError, r"memory=0\): .* whole number of at least 1"),
    "memory True": (lambda: LBFGS(memory=True), ValueError, r"memory=True\): expected a whole num"),
    "LBFGS": (lambda: LBFGS(learning_rate=0.1), ValueError,
              r"LBFGS\(learning_rate=0.1\): LBFGS has no learning rate.*another optimizer"),
    "LBFGS schedule": (lambda: LBFGS(np.sqrt), ValueError, "LBFGS has no learning rate"),
    "tolerance": (lambda: LBFGS(tolerance=-1), ValueError, r"tolerance=-1\): .* at least 0"),
}  # fmt: skip

LAYERS = {
    "units 2**53": (lambda: Dense(2**53), ValueError, r"of at least 1, below 2\*\*53$"),
    "units 10**30": (lambda: Dense(10**30), ValueError, r"of at least 1, below 2\*\*53$"),
    "members 10**18": (lambda: Members(10**18), ValueError, r"of at least 2, below 2\*\*53$"),
    "patience 10**18": (
        lambda: EarlyStopping(patience=10**18), ValueError, r"patience=10+\): .*below 2\*\*53$"),
    "units 0": (lambda: Dense(0), ValueError, r"units=0\): expected a whole number of at least 1"),
    "units 1.5": (lambda: Dense(1.5), ValueError, r"units=1.5\): expected a whole number"),
    "units text": (lambda: Dense("8"), ValueError, r"units='8'\): expected a whole number"),
    "l1": (lambda: Dense(1, l1=-1), ValueError, r"Dense\(l1=-1\): expected a finite number of at"),
    "l2 inf": (lambda: Dense(1, l2=np.inf), ValueError, r"Dense\(l2=inf\): expected a finite numb"),
    "bias": (lambda: Dense(1, bias="no"), ValueError, r"Dense\(bias='no'\): expected True or Fals"),
    "rate 1": (lambda: Dropout(1), ValueError, r"Dropout\(rate=1\): expected .* in \[0, 1\)"),
    "rate < 0": (lambda: Dropout(-0.1), ValueError, r"rate=-0.1\): expected .* in \[0, 1\)"),
    "rate nan": (lambda: Dropout(np.nan), ValueError, r"rate=nan\): expected .* in \[0, 1\)"),
    "rate text": (lambda: Dropout("a"), ValueError, r"rate='a'\): expected .* in \[0, 1\)"),
    "momentum": (lambda: BatchNorm(momentum=1), ValueError, r"momentum=1\): .* in \[0, 1\)"),
    "epsilon": (lambda: BatchNorm(epsilon=-1), ValueError, r"epsilon=-1\): .* in \[0, 1\]"),
    "slope": (lambda: LeakyReLU("a"), BOTH, r"slope='a'\): expected a finite number"),
    "slope nan": (lambda: LeakyReLU(np.nan), ValueError, r"slope=nan\): expected a finite"),
    "scale": (lambda: ELU(-1), ValueError, r"ELU\(scale=-1\): expected a finite number of at leas"),
    "scale inf": (lambda: ELU(np.inf), ValueError, r"ELU\(scale=inf\): expected a finite number"),
}  # fmt: skip

LOSSES = {
    "smoothing": (lambda: CrossEntropy(1), ValueError, r"label_smoothing=1\): .* in \[0, 1\)"),
    "smoothing text": (lambda: CrossEntropy("a"), BOTH, r"label_smoothing='a'\): .* in \[0, 1\)"),
    "delta": (lambda: Huber(0), ValueError, r"Huber\(delta=0\): expected a .*number above 0"),
    "delta text": (lambda: Huber("a"), BOTH, r"Huber\(delta='a'\): expected a .*number ab"),
    "quantile 0": (lambda: Pinball((0, 0.5)), ValueError, r"\(0, 0.5\); expected numbers in \(0,"),
    "no quantile": (lambda: Pinball(()), ValueError, r"quantiles are \(\); expected numbers in"),
    "quantile text": (lambda: Pinball("a"), BOTH, r"quantiles are 'a'; expected numbers in"),
    "reduction": (lambda: MSE(reduction="avg"), ValueError, 'unknown reduction "avg".*mean, sum'),
    "outputs": (lambda: Pinball((0.1, 0.9)).n_targets(3), ValueError, "3 outputs for 2 .*Dense la"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        pytest.param(*case, id=name)
        for table in (ORDERS, MODEL, OPTIMIZERS, LAYERS, LOSSES)
        for name, case in table.items()
    ],
)
def test_a_setting_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("made", "plain"),
    [
        (Dense(np.int64(4), bias=np.bool_(False)), Dense(4, bias=False)),
        (Dense(4, l1=np.float32(0.5), l2=np.float64(0.5)), Dense(4, l1=0.5, l2=0.5)),
        (Dropout(np.float32(0.5)), Dropout(0.5)),
        (BatchNorm(np.float32(0.5)), BatchNorm(0.5)),
        (SGD(np.float32(0.5), momentum=np.float16(0.5)), SGD(0.5, momentum=0.5)),
        (LBFGS(memory=np.int64(4)), LBFGS(memory=4)),
        (Huber(np.int32(2)), Huber(2.0)),
        (Pinball(np.array([0.25, 0.5])), Pinball((0.25, 0.5))),
    ],
    ids=repr,
)
def test_numbers_of_numpys_types_are_numbers(made, plain):
    assert made == plain
    assert repr(made) == repr(plain)


SCHEDULES = [
    (lambda steps: -1.0, ValueError, "learning rate -1.0 at step 0; expected a finite number"),
    (lambda steps: steps * np.nan, ValueError, "learning rate nan at step 0; expected a finite"),
    (lambda steps: np.ones(7), ValueError, r"schedule.*shape \(7,\)"),
    (lambda steps: "a", TypeError, "schedule gave 'a' for 2 steps; expected a function"),
    (lambda steps: None, TypeError, "schedule gave None"),
    (lambda steps: 1j, TypeError, "schedule gave 1j"),
    (lambda: 1.0, TypeError, "schedule.*array of steps"),
    (lambda steps: 0.1 if steps < 9 else 0.01, ValueError, "steps 0 to 1 .*ambiguous.*np.where"),
]


@pytest.mark.parametrize(("schedule", "error", "message"), SCHEDULES)
def test_a_schedule_is_tried_before_training(schedule, error, message):
    model = Sequential(OUTPUT, seed=0)
    model.compile(SGD(schedule))
    with pytest.raises(error, match=message):
        model.fit(np.eye(2)[[0, 1, 0, 1]], [0, 1, 0, 1], batch_size=2, verbose=0)
    assert len(model.history) == 0
    with pytest.raises(ValueError, match="no weights yet"):
        model.get_weights()


def test_a_python_function_where_a_compiled_one_is_needed():
    needed = r"expected a function compiled by Numba.*@numba\.njit"
    model = Sequential([Dense(1), fastnn.Activation(lambda z: z, lambda z: 1.0)])
    with pytest.raises(TypeError, match=needed):
        model.compile(loss="mse")
    model = Sequential([Dense(1)])
    with pytest.raises(TypeError, match=needed):
        model.compile(loss=lambda prediction, target, dprediction: 0.0)


HUGE = 10**15  # more than any machine has addresses for
WIDE = {
    "Dense": ([Dense(HUGE), Dense(1)], r"layer 1, Dense\(10+\)"),
    "twice": ([ReLU(), Dense(HUGE), Dense(HUGE)], r"layer 3, Dense\(10+\)"),
    "Members": ([Dense(4), Members(HUGE), Dense(1)], r"layer 2, Members\(10+\)"),
    "shared=False": (
        [Members(10**8), Dense(10**8, shared=False)],
        r"layer 2, Dense\(10+, shared=False\)",
    ),
    "BatchNorm": ([Members(10**8), Dense(10**8), BatchNorm(), Dense(1)], r"layer 3, BatchNorm\(\)"),
    "Scale": ([Members(10**8), Dense(10**8), Scale(), Dense(1)], r"layer 3, Scale\(\)"),
}


@pytest.mark.parametrize("name", WIDE)
def test_a_layer_that_no_memory_holds_is_named(name):
    layers, named = WIDE[name]
    words = rf"the network takes about \S+ GB, more than there is, most of it for {named} of"
    with pytest.raises(MemoryError, match=words):
        Sequential(layers).build(4)


@pytest.mark.parametrize("at", ["draw", "batch"])
def test_so_is_one_whose_start_or_batch_it_does_not_hold(at, monkeypatch):
    def none(*_):
        raise MemoryError

    where = {"draw": "fastnn.initializers.draw", "batch": "fastnn.engine.context.arena"}
    model = Sequential([Dense(3), ReLU(), Dense(50), ReLU(), Dense(1)], seed=0)
    model.compile(loss="mse")
    monkeypatch.setattr(where[at], none)
    what = "the network takes .* make it smaller$"
    if at == "batch":
        what = "a batch of 16 rows takes .* make it smaller, or take smaller batches$"
    with pytest.raises(MemoryError, match=what) as told:
        model.fit(np.ones((16, 2)), np.ones(16), epochs=1, batch_size=16, verbose=0)
    assert "layer 3, Dense(50) of 3 inputs:" in str(told.value)
