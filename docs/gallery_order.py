"""The order in which the gallery teaches."""

TAUGHT = (
    "digits",
    "gradient_descent momentum rprop adam schedules",
    "initialisation batchnorm_contours batchnorm batchnorm_places batchnorm_noise",
    "softmax decision_boundaries embeddings",
    "overfitting regularisation metrics folds diagnostics",
    "what_matters grid_against_random scales tuning bayesian",
    "table elsewhere cluster own_parts",
)


class Taught:
    """A sort key for sphinx-gallery: what is not in the list comes last."""

    def __init__(self, folder: str) -> None:
        self.order = " ".join(TAUGHT).split()

    def __call__(self, name: str) -> tuple[int, str]:
        """Where a file stands, such as ``momentum.py``."""
        stem = name.removesuffix(".py")
        return (self.order.index(stem) if stem in self.order else len(self.order), stem)
