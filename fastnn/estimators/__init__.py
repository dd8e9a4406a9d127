"""MLPClassifier and MLPRegressor: scikit-learn's MLP, faster, with more to it.

>>> from fastnn.estimators import MLPClassifier
>>> from sklearn.datasets import load_iris
>>> X, y = load_iris(return_X_y=True)
>>> model = MLPClassifier(learning_rate_init=0.01, random_state=0).fit(X, y)
>>> model.score(X, y) > 0.95
True
"""

try:
    from sklearn import neural_network as _neural_network
except ImportError as error:
    raise ImportError(
        "fastnn.estimators needs scikit-learn, which is not installed: "
        'pip install "fastnn-mlp[sklearn]"'
    ) from error

from fastnn.estimators.classifier import MLPClassifier
from fastnn.estimators.regressor import MLPRegressor
from fastnn.inputs.calls import explained_parts

__all__ = ["MLPClassifier", "MLPRegressor"]

# Whoever asks for scikit-learn's MLP gets one that has all that it has.
_neural_network.MLPClassifier.register(MLPClassifier)
_neural_network.MLPRegressor.register(MLPRegressor)

explained_parts([MLPClassifier, MLPRegressor])
