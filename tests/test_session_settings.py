"""Session.set: which settings a session changes, and what it refuses."""

import pytest
from test_continue import assert_same
from test_session import X, begun, network, plain, y

from fastnn import SGD, AdamW, Dense, Sequential, Session, Softmax

__all__ = ["begun"]


def test_settings_change_what_they_name(begun):
    begun.set(weight_decay=0.1, dropout=0.3, beta_1=0.8, l1=1e-5)
    setup, layers = begun.model._setup, begun.model.layers
    assert setup.optimizer == AdamW(2e-3, beta_1=0.8, weight_decay=0.1)
    assert layers[3].rate == 0.3
    assert {layers[0].l1, layers[4].l1} == {1e-5}
    begun.run(1)
    begun.set(weight_decay=0.2)
    assert begun.model._setup.optimizer.weight_decay == 0.2


def test_weight_decay_is_l2_where_the_optimizer_has_none(tmp_path):
    begun = Session(network(SGD(0.1)), X, y, directory=tmp_path)
    begun.set(weight_decay=1e-3, momentum=0.5)
    assert begun.model.layers[0].l2 == 1e-3
    assert begun.model._setup.optimizer == SGD(0.1, momentum=0.5)
    begun.run(1)
    begun.close()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({}, "got no settings"),
        (
            {"learning_rat": 1},
            r'"learning_rat"; did you mean "learning_rate".*one of learning_rate, beta',
        ),
        ({"learning_rate": -1}, "learning_rate=-1"),
        ({"momentum": 0.9}, 'Adam has no setting "momentum"'),
        ({"dropout": 1.5}, "rate=1.5"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 16, "beta_1": 2}, "beta_1=2"),
    ],
)
def test_wrong_settings_change_nothing(begun, changes, match):
    before = begun.model._setup, begun.model.layers, len(begun.journal)
    with pytest.raises(ValueError, match=match):
        begun.set(**changes)
    assert (begun.model._setup, begun.model.layers, len(begun.journal)) == before
    begun.run(1)
    assert_same(begun.model, plain(1))


def test_a_model_without_dropout_has_no_rate_to_change(tmp_path):
    model = Sequential([Dense(10), Softmax()], seed=0)
    model.compile()
    begun = Session(model, X, y, directory=tmp_path)
    with pytest.raises(ValueError, match=r"no Dropout layer.*initialize_from"):
        begun.set(dropout=0.5)
    begun.close()
