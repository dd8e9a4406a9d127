"""The compiled kernels: how, on arrays only."""
