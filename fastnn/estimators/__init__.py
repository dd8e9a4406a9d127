"""MLPClassifier and MLPRegressor: scikit-learn's MLP, faster, with more to it.

>>> from fastnn.estimators import MLPClassifier
>>> from sklearn.datasets import load_iris
>>> X, y = load_iris(return_X_y=True)
>>> model = MLPClassifier(learning_rate_init=0.01, random_state=0).fit(X, y)
>>> model.score(X, y) > 0.95
True
"""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "fastnn.estimators needs scikit-learn, which is not installed: "
        'pip install "fastnn[sklearn]"'
    ) from error

from fastnn.estimators.classifier import MLPClassifier
from fastnn.estimators.regressor import MLPRegressor
from fastnn.inputs.calls import explained_parts

__all__ = ["MLPClassifier", "MLPRegressor"]

explained_parts([MLPClassifier, MLPRegressor])
