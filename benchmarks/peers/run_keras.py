"""Keras 3 on its JAX backend: `model.fit`, jit-compiled, rows permuted beforehand."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras

from benchmarks.peers import workloads as wl


class Runner:
    def __init__(self, workload, X, y, threads):
        self.workload = workload
        self.X, self.y = X, y
        self.orders = wl.orders(workload)
        self.model = build(workload)
        self.model.compile(
            optimizer=keras.optimizers.Adam(
                wl.LEARNING_RATE, beta_1=wl.BETA1, beta_2=wl.BETA2, epsilon=wl.ADAM_EPS
            ),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=True,
            steps_per_execution=8,  # 1.7x on iris, 2.2x on digits against 1
        )

    def steps(self, order):
        """One step for every batch of `order`; their mean loss."""
        history = self.model.fit(
            self.X[order],
            self.y[order],
            batch_size=self.workload.batch,
            shuffle=False,
            verbose=0,
        )
        return history.history["loss"][0]

    def check(self):
        head, tail = wl.check_rows(self.workload)
        return self.steps(head), self.steps(tail)

    def train(self, epochs):
        for _ in range(epochs):
            self.steps(next(self.orders))


def build(workload):
    """keras.Sequential that ends in the logits, at the initial weights."""
    weights = wl.make_weights(workload)
    layers = [keras.Input((workload.widths[0],))]
    for W, b in weights:
        layers.append(keras.layers.Dense(W.shape[1], use_bias=b is not None))
        if b is None:
            layers.append(
                keras.layers.BatchNormalization(momentum=wl.BN_MOMENTUM, epsilon=wl.BN_EPS)
            )
        layers.append(keras.layers.ReLU())
    model = keras.Sequential(layers[:-1])
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for layer, (W, b) in zip(dense, weights, strict=True):
        layer.set_weights([W] if b is None else [W, b])
    return model
