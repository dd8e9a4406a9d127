"""Floor 0. The compiled kernels: how, on arrays only."""
