"""Every refusal of a model, in its words: nothing has changed, and the same model then trains.

Each row of the table is tried on a model that is new and on one that is trained. Afterwards that
model must train to the same bits as a twin that never saw the mistake.
"""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from refusals import FIT, LABELS, MODELS, TRAINED, X0, do, make, train

import fastnn
from fastnn import SGD, Dense, DivergenceError, ReLU, Sequential, Softmax


def facts(model):
    """What a refused call must leave alone."""
    try:
        weights = [w.tobytes() for w in model.get_weights()]
    except ValueError:
        weights = None
    history = {name: list(column) for name, column in model.history.history.items()}
    return weights, history, list(model.history.epoch)


def check_refusal(kind, epochs, action, error, message):
    model, y = make(kind, epochs)
    before = facts(model)
    with pytest.raises(error, match=message):
        action(model, y)
    check_unharmed(model, before, kind, epochs)


def check_unharmed(model, before, kind, epochs):
    """Nothing has changed, and it trains to the bits of a model that was asked nothing wrong."""
    assert facts(model) == before
    twin, y = make(kind, epochs)
    train(model, y, 2)
    train(twin, y, 2)
    assert model.history.epoch == list(range(1, epochs + 3))
    assert model.history["loss"] == twin.history["loss"]
    assert set(model.history.history) == set(twin.history.history)
    for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert_array_equal(ours, theirs)


def table(rows):
    return pytest.mark.parametrize(
        ("kind", "action", "error", "message"),
        [pytest.param(*row[1:], id=row[0]) for row in rows],
    )


@table(FIT)
def test_a_new_model_refuses(kind, action, error, message):
    check_refusal(kind, 0, action, error, message)


@table(TRAINED)
def test_a_trained_model_refuses(kind, action, error, message):
    check_refusal(kind, 2, action, error, message)


def fails(y, prediction):
    raise KeyError("no such class")


METRICS = [
    (["r2"], ValueError, "equal shapes of real targets.*accuracy"),
    ([lambda y: 1.0], TypeError, "metric.*prediction"),
    ([lambda y, prediction: "good"], TypeError, "metric.*gave 'good'; expected one number"),
    ([lambda y, prediction: prediction], TypeError, "gave numbers of shape .* expected one"),
    ([lambda y, prediction: None], TypeError, "metric.*gave None; expected one number"),
    ([fails], ValueError, 'metric "fails".*no such class'),
    ([("loss", lambda y, prediction: 1.0)], ValueError, '"loss" is no name .*name of its own'),
    ([("val_loss", lambda y, prediction: 1.0)], ValueError, '"val_loss" is no name for a metric'),
    ([("seconds", lambda y, prediction: 1.0)], ValueError, '"seconds" is no name for a metric'),
    (["acc", "accuracy"], ValueError, 'two metrics are named "accuracy"; leave one out'),
]


@pytest.mark.parametrize("epochs", [0, 2])
@pytest.mark.parametrize(("metric", "error", "message"), METRICS)
def test_a_metric_that_does_not_work_is_refused_before_training(metric, error, message, epochs):
    model, y = make("classes", epochs)
    before = facts(model)
    with pytest.raises(error, match=message):  # noqa: PT012  (either may refuse)
        model.compile("adam", metrics=metric)
        train(model, y)
    model.compile("adam")
    check_unharmed(model, before, "classes", epochs)


def needs_every_class(y, prediction):
    if set(y) != {0, 1, 2}:
        raise ValueError("a class is missing")
    return 1.0


def needs_all_rows(y, prediction):
    return np.average(y == prediction.argmax(axis=1), weights=np.ones(30))


@pytest.mark.parametrize("metric", ["roc_auc", needs_every_class, needs_all_rows])
def test_a_metric_that_works_on_all_rows_only_is_let_through(metric):
    model, y = make("classes")
    model.compile("adam", metrics=[metric])
    train(model, y)
    assert len(model.history) == 1


def test_a_metric_may_be_nan():
    model, _ = make("classes")
    model.compile("adam", metrics=["roc_auc"])
    train(model, np.zeros(30))
    assert np.isnan(model.history["roc_auc"]).all()


NEW = {
    "predict": (do("predict", X0), "no weights yet; call fit"),
    "classes": (do("predict_classes", X0), "no weights yet; call fit"),
    "evaluate": (do("evaluate", X0, LABELS), "no weights yet; call fit"),
    "weights": (do("get_weights"), "no weights yet; call fit"),
    "batch norm": (do("recompute_batchnorm", X0), "no weights yet; call fit"),
    "copy": (lambda m, y: m.initialize_from(Sequential([Dense(1)])), "no weights yet; call fit"),
    "bias": (do("set_weights", [np.ones((4, 5)), np.ones(6), np.ones((5, 3)), np.ones(3)]), "0.b"),
    "first array": (do("set_weights", [3.0]), r"array 1 has shape \(\); expected a list"),
    "build 0": (do("build", 0), "n_features is 0; expected a whole number"),
}  # fmt: skip


@pytest.mark.parametrize(("action", "message"), NEW.values(), ids=NEW)
def test_what_needs_weights_says_so(action, message):
    check_refusal("classes", 0, action, ValueError, message)


@pytest.mark.parametrize("call", [do("fit", X0, LABELS), do("evaluate", X0, LABELS)])
def test_training_before_compile(call):
    model = Sequential(MODELS["classes"][0], seed=0).build(4)
    with pytest.raises(ValueError, match=r"not compiled; call compile\(optimizer, loss\) first"):
        call(model, LABELS)


INITIALIZERS = [
    ("he_norml", ValueError, 'did you mean "he_normal"'),
    (3, TypeError, r"an initializer is a name.*got 3; pass for example HeNormal\(\)"),
    (np.ones((3, 3)), ValueError, r"shape \(3, 3\) but .*4 inputs and 5 outputs; .*\(4, 5\)"),
    (lambda rng, n, m: np.ones((m, n)), ValueError, r"returned shape \(5, 4\); expected"),
    (lambda rng, n, m: np.full((n, m), np.nan), ValueError, "NaN|finite"),
]


@pytest.mark.parametrize(("init", "error", "message"), INITIALIZERS)
def test_an_initializer_that_does_not_fit(init, error, message):
    model = Sequential([Dense(5, init=init), ReLU(), Dense(3), Softmax()], seed=0)
    model.compile()
    with pytest.raises(error, match=message):
        train(model, LABELS)
    with pytest.raises(ValueError, match="no weights yet"):
        model.get_weights()
    assert len(model.history) == 0


def test_l1_with_lbfgs():
    model = Sequential([Dense(3, l1=0.1), Softmax()])
    model.compile("lbfgs")
    with pytest.raises(ValueError, match=r"layer 1 has l1=0\.1; LBFGS needs.*use l2, or another"):
        train(model, LABELS)


def diverging(kind, after=5):
    """A model whose learning rate explodes after so many steps."""
    model, y = make(kind)
    model.compile(SGD(lambda step: np.where(step < after, 0.01, 1e30)), MODELS[kind][2])
    return model, y


@pytest.mark.parametrize("kind", ["classes", "binary", "real"])
@pytest.mark.parametrize("after", [4, 5])
def test_divergence_stops_at_once_and_the_model_lives_on(kind, after):
    model, y = diverging(kind, after)
    epochs_before = list(range(1, after - 1))
    step = after + 2
    with pytest.raises(DivergenceError, match=f"at step {step} .*smaller learning rate") as caught:
        model.fit(X0, y, epochs=20, batch_size=15, verbose=0)  # two steps an epoch
    assert caught.value.step == step
    assert caught.value.epoch == len(epochs_before) + 1
    assert caught.value.history is model.history
    assert model.history.epoch == epochs_before
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert np.isfinite(model.predict(X0)).all()
    assert np.isfinite(model.evaluate(X0, y)["loss"])
    model.compile(SGD(0.01), MODELS[kind][2])
    model.fit(X0, y, epochs=3, batch_size=15, verbose=0)
    assert len(model.history) == len(epochs_before) + 3
    assert np.isfinite(model.history["loss"]).all()


def test_divergence_in_the_first_step_of_all():
    model, y = make("real")
    model.compile(SGD(0.01), "mse")
    model.build(4).set_weights([w + 1e25 for w in model.get_weights()])
    before = model.get_weights()
    with pytest.raises(DivergenceError, match=r"step 1 \(epoch 1"):
        train(model, y)
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        assert_array_equal(ours, theirs)


def test_a_callback_sees_the_end_of_a_diverging_fit():
    ends = []

    class Listener(fastnn.Callback):
        def on_train_end(self, model, history):
            ends.append(len(history))

    model, y = diverging("classes")
    with pytest.raises(DivergenceError):
        model.fit(X0, y, epochs=20, batch_size=15, verbose=0, callbacks=[Listener()])
    assert ends == [3]
