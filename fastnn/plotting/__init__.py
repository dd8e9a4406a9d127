"""Pictures of training and of models.

matplotlib is needed only here, and only when a picture is drawn. Every function draws on the axes
that it is given, or on a new figure, and returns them; none shows or saves anything, and none
changes a model or a setting of matplotlib.
"""

from fastnn.plotting.boundaries import decision_boundaries
from fastnn.plotting.curves import learning_curves
from fastnn.plotting.finder import learning_rate_finder
from fastnn.plotting.histograms import activation_histograms, gradient_histograms
from fastnn.plotting.weights import first_layer_weights

__all__ = [
    "activation_histograms",
    "decision_boundaries",
    "first_layer_weights",
    "gradient_histograms",
    "learning_curves",
    "learning_rate_finder",
]
