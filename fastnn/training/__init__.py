"""Training: a network and its setup, epochs, divergence, learning-rate search."""

from fastnn.training.divergence import DivergenceError as DivergenceError
