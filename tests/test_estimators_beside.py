"""What an estimator's file holds beside networks fits them, or the file is refused."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from crafted import opened, packed

import fastnn
from fastnn import ModelFileError
from fastnn.estimators import MLPRegressor
from fastnn.estimators.saving import estimator_portrait
from fastnn.files.persistence import pack

SETTINGS = {
    "hidden_layer_sizes": (4,), "early_stopping": True, "normalize_y": True, "max_iter": 3,
    "random_state": 0,
}  # fmt: skip
BESIDE = {
    "a row held out and learned": ({"held": lambda a: a * 0}, "does not hold each once"),
    "a row that there is not": ({"learned": lambda a: a + 9}, "does not hold each once"),
    "a row twice": ({"order": lambda a: a // 2}, "does not hold each once"),
    "few random numbers": ({"random": lambda a: a[:9]}, "its random numbers are none"),
    "other weights": ({"best": lambda a: a[1:]}, "not those of its network"),
    "weights of another type": ({"best": lambda a: a.astype("f4")}, "not those of its network"),
    "a curve of another type": ({"loss_curve_": lambda a: a.astype("f4")}, "expected float64"),
    "two losses": ({"loss_": lambda a: np.ones(2)}, "expected float64"),
    "no scale": ({"_y_scale": None}, "a mean and no scale"),
    "no mean": ({"_y_mean": None}, "a scale and no mean"),
    "two scales": ({"_y_scale": lambda a: np.ones(2)}, "not that of its outputs"),
    "an infinite mean": ({"_y_mean": lambda a: a * np.inf}, "the mean of its targets"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BESIDE)
def test_what_an_estimator_keeps_beside_its_network_fits_it(tmp_path, name):
    changes, message = BESIDE[name]
    e = MLPRegressor(**SETTINGS)
    X = np.random.default_rng(0).normal(size=(40, 3))
    file = opened(pack(*estimator_portrait(e.fit(X, X[:, 0]))))
    (tmp_path / "e").write_bytes(packed(file))
    np.testing.assert_array_equal(fastnn.load(tmp_path / "e").predict(X), e.predict(X))
    tensors = file.description["networks"][0].tensors
    for array, change in changes.items():
        before = tensors.pop(array)
        if change is not None:
            tensors[array] = change(before)
    (tmp_path / "e").write_bytes(packed(file))
    with pytest.raises(ModelFileError, match=message):
        fastnn.load(tmp_path / "e")
