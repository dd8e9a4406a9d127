"""fastnn through its public API."""

import fastnn
from benchmarks.peers import workloads as wl
from fastnn import BatchNorm, Dense, ReLU, Sequential, Softmax


class Runner:
    def __init__(self, workload, X, y, threads):
        fastnn.set_num_threads(threads)
        self.workload = workload
        self.X, self.y = X, y
        self.start()

    def start(self):
        """The model at the initial weights, with a new optimizer."""
        self.model = build(self.workload).build(self.X.shape[1])
        self.model.compile(
            optimizer=fastnn.Adam(
                wl.LEARNING_RATE, beta_1=wl.BETA1, beta_2=wl.BETA2, epsilon=wl.ADAM_EPS
            ),
            loss="cross_entropy",
        )

    def fit(self, X, y, epochs, shuffle):
        """`model.fit`; the mean loss of the last epoch."""
        history = self.model.fit(
            X, y, epochs=epochs, batch_size=self.workload.batch, shuffle=shuffle, verbose=0
        )
        return history.history["loss"][-1]

    def check(self):
        self.start()
        return [
            self.fit(self.X[rows], self.y[rows], epochs=1, shuffle=False)
            for rows in wl.check_rows(self.workload)
        ]

    def train(self, epochs):
        self.fit(self.X, self.y, epochs, shuffle=True)

    def predict(self, X):
        return self.model.predict(X)


def build(workload):
    """Sequential at the initial weights; a Dense before BatchNorm leaves out its bias by itself."""
    layers = []
    for W, b in wl.make_weights(workload):
        layers.append(Dense(W.shape[1], init=W))
        if b is None:
            layers.append(BatchNorm(wl.BN_MOMENTUM, wl.BN_EPS))
        layers.append(ReLU())
    return Sequential([*layers[:-1], Softmax()], seed=wl.SEED)
