"""The mathematics: matrix products, batch norm, softmax, losses, activations, optimizers."""
