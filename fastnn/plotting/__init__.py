"""Floor 4. Pictures of training and of models.

matplotlib is needed only here, and only when a picture is drawn. Every function draws on the axes
that it is given, or on a new figure, and returns them; none shows or saves anything, and none
changes a model or a setting of matplotlib.
"""

from fastnn.plotting.curves import learning_curves

__all__ = ["learning_curves"]
