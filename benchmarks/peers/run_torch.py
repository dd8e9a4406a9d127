"""PyTorch, eager: data in memory, batches by index; variant "fused" is Adam(fused=True)."""

import torch
from torch import nn

from benchmarks.peers import workloads as wl


class Runner:
    def __init__(self, workload, X, y, threads, variant="default"):
        torch.set_num_threads(threads)
        self.workload = workload
        self.X = X
        self.rows, self.labels = torch.from_numpy(X), torch.from_numpy(y).long()
        self.orders = wl.orders(workload)
        self.fused = variant == "fused"
        self.loss = nn.CrossEntropyLoss()
        self.start()

    def start(self):
        """The model at the initial weights, with a new optimizer."""
        self.model = build(wl.make_weights(self.workload))
        self.optimizer = torch.optim.Adam(
            self.model.parameters(),
            lr=wl.LEARNING_RATE,
            betas=(wl.BETA1, wl.BETA2),
            eps=wl.ADAM_EPS,
            fused=self.fused or None,
        )

    def steps(self, order):
        """One step for every batch of `order`; the losses, one per step."""
        self.model.train()
        losses = []
        for index in torch.from_numpy(order).split(self.workload.batch):
            self.optimizer.zero_grad(set_to_none=True)
            logits = self.model(self.rows.index_select(0, index))
            loss = self.loss(logits, self.labels.index_select(0, index))
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses)

    def check(self):
        self.start()
        head, tail = wl.check_rows(self.workload)
        return self.steps(head).mean(), self.steps(tail)[0]

    def train(self, epochs):
        for _ in range(epochs):
            self.steps(next(self.orders)).mean().item()

    @torch.inference_mode()
    def predict(self, X):
        self.model.eval()
        return torch.softmax(self.model(torch.from_numpy(X)), dim=1).numpy()


def build(weights):
    """nn.Sequential that ends in the logits, with these weights."""
    layers = []
    for W, b in weights:
        dense = nn.Linear(*W.shape, bias=b is not None)
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(W.T))
            if b is not None:
                dense.bias.copy_(torch.from_numpy(b))
        layers.append(dense)
        if b is None:
            layers.append(nn.BatchNorm1d(W.shape[1], eps=wl.BN_EPS, momentum=1 - wl.BN_MOMENTUM))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers[:-1])
