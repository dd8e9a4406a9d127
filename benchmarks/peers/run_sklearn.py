"""scikit-learn's MLPClassifier; workloads without batch norm only."""

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.peers import workloads as wl


class Runner:
    def __init__(self, workload, X, y, threads):
        warnings.simplefilter("ignore", ConvergenceWarning)
        self.workload = workload
        self.X, self.y = X, y
        self.start()

    def start(self):
        """The model at the initial weights, with a new optimizer."""
        self.model = MLPClassifier(
            self.workload.widths[1:-1],
            alpha=0,
            batch_size=self.workload.batch,
            learning_rate_init=wl.LEARNING_RATE,
            beta_1=wl.BETA1,
            beta_2=wl.BETA2,
            epsilon=wl.ADAM_EPS,
            shuffle=False,
            random_state=wl.SEED,
        )
        B, classes = self.workload.batch, range(self.workload.widths[-1])
        self.model.partial_fit(self.X[:B], self.y[:B], classes=classes)
        # The call above made the attributes; without an optimizer the next call makes a fresh one.
        del self.model._optimizer
        weights = wl.make_weights(self.workload)
        self.model.coefs_ = [layer.W for layer in weights]
        self.model.intercepts_ = [layer.b for layer in weights]

    def check(self):
        self.start()
        losses = []
        for rows in wl.check_rows(self.workload):
            self.model.partial_fit(self.X[rows], self.y[rows])
            losses.append(self.model.loss_)
        return losses

    def train(self, epochs):
        self.model.set_params(
            shuffle=True, warm_start=True, max_iter=epochs, n_iter_no_change=epochs + 1
        )
        self.model.fit(self.X, self.y)

    def predict(self, X):
        return self.model.predict_proba(X)
