"""Modules that PyTorch lacks. Only `to_torch` imports this file, and PyTorch with it."""

import torch  # type: ignore[import-not-found, unused-ignore]


class Standardize(torch.nn.Module):
    """(x - mean) / deviation, both (n,) and fixed; the mean is in double."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, mean: torch.Tensor, deviation: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, n) -> (B, n)."""
        return ((x - self.mean) / self.deviation).to(self.deviation.dtype)


class Scale(torch.nn.Module):
    """Each column of x times its factor, learned."""

    def __init__(self, factors: torch.Tensor) -> None:
        super().__init__()
        self.factors = torch.nn.Parameter(factors)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, n) -> (B, n)."""
        return x * self.factors


class Hardmax(torch.nn.Module):
    """1 at the largest of each row, else 0; the first one wins."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, K) -> (B, K)."""
        best = z.argmax(dim=1, keepdim=True)
        return torch.zeros_like(z).scatter(1, best, 1.0)
