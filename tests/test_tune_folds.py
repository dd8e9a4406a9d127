"""Folds: taken as given, and no model is judged by a row that it has learned from."""

import numpy as np
import pytest

from fastnn import Adam, Dense, ReLU, Sequential, Softmax, tune
from fastnn.datasets import load_iris

X, Y = load_iris()
ROWS = np.arange(60.0)[:, None]
QUICK = {"strategy": "grid", "trials": 1, "storage": ":memory:", "n_jobs": 1, "verbose": 0}

SEEN: list = []


class Spy:
    """An estimator that notes the rows that it is fitted on and judged by."""

    def __init__(self, a=1):
        self.a = a

    def get_params(self, deep=True):
        return {"a": self.a}

    def set_params(self, a):
        self.a = a

    def fit(self, X, y):
        self.learned = X[:, 0].astype(int).tolist()
        return self

    def score(self, X, y):
        SEEN.append([self.learned, X[:, 0].astype(int).tolist()])
        return 1.0


def seen(cv, **settings):
    SEEN.clear()
    tune.search(Spy(), {"a": [1]}, ROWS, ROWS[:, 0], cv=cv, **QUICK, **settings)
    return list(SEEN)


def as_lists(pairs):
    return [[list(map(int, train)), sorted(map(int, test))] for train, test in pairs]


def model_of(seed=0):
    model = Sequential([Dense(4), ReLU(), Dense(3), Softmax()], seed=seed)
    model.compile(Adam(0.01), metrics=["accuracy"])
    return model


SPLITTERS = {
    "TimeSeriesSplit": {"n_splits": 4},
    "KFold": {"n_splits": 3, "shuffle": True, "random_state": 0},
    "ShuffleSplit": {"n_splits": 2, "test_size": 0.25, "train_size": 0.5, "random_state": 0},
    "RepeatedKFold": {"n_splits": 2, "n_repeats": 2, "random_state": 0},
}


@pytest.mark.parametrize("name", SPLITTERS)
def test_splitters_their_pairs_and_their_generators_are_taken_as_they_are(name):
    module = pytest.importorskip("sklearn.model_selection")
    splitter = getattr(module, name)(**SPLITTERS[name])
    expected = as_lists(splitter.split(ROWS))
    assert seen(splitter) == expected
    assert seen(list(splitter.split(ROWS))) == expected
    assert seen([list(pair) for pair in splitter.split(ROWS)]) == expected
    assert seen(splitter.split(ROWS)) == expected


def test_held_out_rows_masks_and_slices():
    assert seen([[0, 1], [2]]) == [[[*range(2, 60)], [0, 1]], [[0, 1, *range(3, 60)], [2]]]
    mask = np.arange(60) < 10
    assert seen([mask]) == seen([(~mask, mask)]) == [[[*range(10, 60)], [*range(10)]]]
    assert seen([(slice(0, 5), slice(5, 7))]) == [[[0, 1, 2, 3, 4], [5, 6]]]


def test_rows_of_a_training_part_may_repeat():
    assert seen([([3, 3, 1], [0, 2])]) == [[[3, 3, 1], [0, 2]]]


GROUPS = np.repeat(["a", "b", "c", "d", "e"], [20, 10, 10, 10, 10])


@pytest.mark.parametrize("cv", [None, 2, 5])
def test_a_group_is_held_out_as_a_whole(cv):
    found = seen(cv, groups=GROUPS)
    for learned, held_out in found:
        assert not set(GROUPS[learned]) & set(GROUPS[held_out])
        assert sorted(learned + held_out) == list(range(60))
    if cv == 2:
        assert [len(held_out) for _, held_out in found] == [30, 30]
    if cv is None:
        assert len(found[0][1]) == 10
    if cv is not None:
        assert sorted(row for _, rows in found for row in rows) == list(range(60))


def test_groups_go_to_the_splitter():
    module = pytest.importorskip("sklearn.model_selection")
    splitter = module.GroupKFold(3)
    expected = as_lists(splitter.split(ROWS, groups=GROUPS))
    assert seen(splitter, groups=GROUPS) == expected
    assert seen(splitter.split(ROWS, groups=GROUPS)) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cv": [([0, 1, 2], [2, 3])]}, "cv holds 1 rows on both sides, such as row 2"),
        ({"cv": [([0, 1], [60])]}, "cv holds row numbers from 60 to 60; expected numbers of some"),
        ({"cv": [([0, 1], [-1])]}, "cv holds row numbers from -1 to -1"),
        ({"cv": [([], [1])]}, "cv holds no rows"),
        ({"cv": [[1, 1]]}, "2 row numbers from 1 to 1, 1 of them different"),
        ({"cv": [range(60)]}, "60 of them different; expected numbers of some of the 60 rows"),
        ({"cv": [0, 1]}, r"cv holds int64 of shape \(\)"),
        ({"cv": [[0.5]]}, "cv holds float64"),
        ({"cv": []}, "cv holds no folds"),
        ({"cv": "kfold"}, r"cv is 'kfold'; expected a number of folds, a splitter"),
        ({"cv": True}, "cv is True; expected a number of folds"),
        ({"cv": Spy}, "expected a number of folds, a splitter"),
        ({"cv": 2.5}, "cv is 2.5"),
        ({"cv": 3, "groups": GROUPS[1:]}, r"groups has shape \(59,\); expected \(60,\)"),
        ({"cv": 6, "groups": GROUPS}, "cv is 6, but there are 5 groups"),
        ({"cv": 3, "groups": np.zeros(60)}, "groups holds one group only"),
        ({"cv": [range(5)], "groups": GROUPS}, "1 groups are on both sides of a fold, such as"),
        ({"validation_data": (ROWS, ROWS[:, 0]), "groups": GROUPS}, "got validation_data and"),
        ({"validation_split": 2.0, "groups": GROUPS}, "validation_split is 2.0"),
        ({"validation_split": [0, 1], "groups": GROUPS}, "on both sides of a fold"),
    ],
)
def test_folds_that_do_not_fit_are_refused(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        seen(settings.pop("cv", None), **settings)
    assert not SEEN


def test_networks_train_on_the_pairs_given():
    module = pytest.importorskip("sklearn.model_selection")
    order = np.random.default_rng(0).permutation(len(X))
    x, y = X[order], Y[order]
    folds = list(module.TimeSeriesSplit(3).split(x))
    lone = []
    for train, test in folds:
        model = model_of(seed=7)
        model.fit(x[train], y[train], 3, validation_data=(x[test], y[test]), verbose=0)
        lone.append(model)
    result = tune.cross_validate(model_of(seed=7), x, y, module.TimeSeriesSplit(3), epochs=3)
    assert [h["val_loss"] for h in result.histories] == [m.history["val_loss"] for m in lone]
    assert [rows.tolist() for rows in result.held_out] == [test.tolist() for _, test in folds]

    def build(rate):
        return model_of(seed=7)

    found = tune.search(build, {"rate": [1]}, x, y, cv=folds, epochs=3, **QUICK)
    assert [f["val_loss"] for f in found.trials[0].folds] == [m.history["val_loss"] for m in lone]
    one = tune.search(build, {"rate": [1]}, x, y, cv=folds[:1], epochs=3, **QUICK)
    np.testing.assert_array_equal(one.best_model.predict(x), lone[0].predict(x))


def test_cross_validation_knows_groups():
    group = np.arange(len(X)) // 10
    result = tune.cross_validate(model_of(), X, Y, 3, epochs=1, groups=group)
    assert [len(set(group[rows])) for rows in result.held_out] == [5, 5, 5]
    with pytest.raises(TypeError, match="cv is None; expected a number of folds"):
        tune.cross_validate(model_of(), X, Y, None)


def test_other_training_rows_are_another_study(tmp_path):
    test = [40, 41]
    for train in ([0, 1], [0, 1, 2], [0, 1]):
        tune.search(
            Spy(), {"a": [1]}, ROWS, ROWS[:, 0], cv=[(train, test)],
            **{**QUICK, "storage": tmp_path / "study.db"},
        )  # fmt: skip
    ledger = tune.Ledger(tmp_path / "study.db")
    assert ledger.study("no such study", {}) == 3
    ledger.close()


def test_a_retest_takes_pairs_and_needs_two():
    module = pytest.importorskip("sklearn.model_selection")
    settings = {**QUICK, "strategy": "random"}
    result = tune.search(Spy(), {"a": tune.Uniform(1, 2)}, ROWS, ROWS[:, 0], cv=2, **settings)
    SEEN.clear()
    result.retest(ROWS, ROWS[:, 0], k=1, neighbours=1, cv=module.TimeSeriesSplit(3))
    expected = as_lists(module.TimeSeriesSplit(3).split(ROWS))
    assert all(pair in expected for pair in SEEN)
    assert len(SEEN) == 6
    with pytest.raises(ValueError, match="cv holds one fold; expected two or more"):
        result.retest(ROWS, ROWS[:, 0], cv=[range(5)])


@pytest.mark.filterwarnings("ignore")
def test_members_that_go_on_are_judged_by_the_same_rows(monkeypatch):
    pytest.importorskip("sklearn")
    from fastnn.estimators import MLPRegressor

    held, own = [], MLPRegressor._fit

    def fit(self, X, y, weight, extra, incremental):
        if "split" in extra:
            held.append((self.random_state, extra["split"][1].tolist()))
        return own(self, X, y, weight, extra, incremental)

    monkeypatch.setattr(MLPRegressor, "_fit", fit)
    for seed in (None, 3, np.random.RandomState(0)):
        model = MLPRegressor(
            hidden_layer_sizes=(2,),
            n_members=2,
            early_stopping=True,
            warm_start=True,
            max_iter=1,
            random_state=seed,
        )
        for _ in range(2):
            model.fit(X, Y)
        assert sorted(held[:2]) == sorted(held[2:])
        held.clear()
