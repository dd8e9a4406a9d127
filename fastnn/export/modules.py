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
    """Each column of x times its factor, plus a bias where there is one, both learned."""

    def __init__(self, factors: torch.Tensor, bias: torch.Tensor | None = None) -> None:
        super().__init__()
        self.factors = torch.nn.Parameter(factors)
        self.bias = None if bias is None else torch.nn.Parameter(bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, n) -> (B, n)."""
        y = x * self.factors
        return y if self.bias is None else y + self.bias


class Members(torch.nn.Module):
    """Each row once a member, times the member's scales (k, n), learned."""

    def __init__(self, scales: torch.Tensor) -> None:
        super().__init__()
        self.scales = torch.nn.Parameter(scales)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, n) -> (B k, n)."""
        return (x[:, None] * self.scales).flatten(0, 1)


class Embedding(torch.nn.Module):
    """The row of a table (categories, size), learned, for each code in a column."""

    def __init__(self, column: int, table: torch.Tensor) -> None:
        super().__init__()
        self.column, self.weight = column, torch.nn.Parameter(table)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, n) -> (B, n - 1 + size)."""
        code = z[:, self.column]
        known = (code >= 0) & (code < len(self.weight)) & (code == code.floor())
        rows = self.weight[torch.where(known, code, 0).long()]
        found = torch.where(known[:, None], rows, 0 * code[:, None])
        return torch.cat([z[:, : self.column], found, z[:, self.column + 1 :]], 1)


class PeriodicEmbedding(torch.nn.Module):
    """Each number x from column `start` on as (x, b + cos(2 pi w x + phase) linear).

    w and phase (n, frequencies), linear (n, frequencies, size - 1), b (n, size - 1), all learned.
    """

    def __init__(
        self, start: int, w: torch.Tensor, phase: torch.Tensor, linear: torch.Tensor,
        b: torch.Tensor,
    ) -> None:  # fmt: skip
        super().__init__()
        self.start, self.stop = start, start + len(w)
        self.frequency, self.phase = torch.nn.Parameter(w), torch.nn.Parameter(phase)
        self.linear = torch.nn.Parameter(linear.reshape(*w.shape, -1))
        self.bias = torch.nn.Parameter(b)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, columns) -> (B, columns + n (size - 1))."""
        x = z[:, self.start : self.stop, None]
        waves = torch.cos(2 * torch.pi * (x * self.frequency) + self.phase)
        more = (waves.transpose(0, 1) @ self.linear).transpose(0, 1) + self.bias
        embedded = torch.cat([x, more], 2).flatten(1)
        return torch.cat([z[:, : self.start], embedded, z[:, self.stop :]], 1)


class PiecewiseLinearEncoding(torch.nn.Module):
    """Behind the columns piecewise-linear functions of them, each at most `height`, all fixed.

    Each is max(0, min(1, rise, fall)) of a column x: rise = (x - left) / width, fall = (right - x)
    / width; `sides` are (2, 3, m), of both where it is 0, the width, and the least that counts.
    """

    column: torch.Tensor
    sides: torch.Tensor

    def __init__(self, height: float, column: torch.Tensor, sides: torch.Tensor) -> None:
        super().__init__()
        self.height = height
        self.register_buffer("column", column)
        self.register_buffer("sides", sides)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, n) -> (B, n + m)."""
        x, (rise, fall) = z[:, self.column], self.sides
        up = torch.maximum((x - rise[0]) / rise[1], rise[2])
        down = torch.maximum((fall[0] - x) / fall[1], fall[2])
        return torch.cat([z, self.height * torch.minimum(up, down).clamp(max=1)], 1)


class MembersLinear(torch.nn.Module):
    """x W + b, of each member its own: W (k, n, units), b (k, units)."""

    def __init__(self, k: int, W: torch.Tensor, b: torch.Tensor | None = None) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(W.reshape(k, -1, W.shape[1]))
        self.bias = None if b is None else torch.nn.Parameter(b.reshape(k, -1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B k, n) -> (B k, units)."""
        each = x.reshape(-1, len(self.weight), x.shape[1]).transpose(0, 1)
        y = (each @ self.weight).transpose(0, 1)
        return (y if self.bias is None else y + self.bias).flatten(0, 1)


class SideBySide(torch.nn.Module):
    """A module that reads the rows of all members of a row as one row of n numbers."""

    def __init__(self, module: torch.nn.Module, n: int) -> None:
        super().__init__()
        self.module, self.n = module, n

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B k, n / k) -> (B k, n / k)."""
        y: torch.Tensor = self.module(x.reshape(-1, self.n))
        return y.reshape(x.shape)


class Average(torch.nn.Module):
    """What k members answer on average."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """y (B k, n) -> (B, n)."""
        return y.unflatten(0, (-1, self.k)).mean(1)


class Hardmax(torch.nn.Module):
    """1 at the largest of each row, else 0; the first one wins."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, K) -> (B, K)."""
        best = z.argmax(dim=1, keepdim=True)
        return torch.zeros_like(z).scatter(1, best, 1.0)
