"""Several fully connected networks of one shape, trained side by side: the same numbers as one after the other, faster.

Each member has its own weights, its own order of the data and its own optimizer state; only the matrix products are
batched. The sum of the members' losses is minimised, and the gradient of that sum with respect to one member's weights
is the gradient of its own loss.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.runtime import seed_everything

__all__ = ["Stack", "accuracy", "flat", "members", "train"]


class Stack(nn.Module):
    """``len(seeds)`` fully connected networks of one shape.

    Args:
        seeds: one per member; each draws the weights that `nn.Linear` would draw after `seed_everything`.
        sizes: width of the input, of each hidden layer and of the output.
        activation: what follows each hidden layer.
        norm: ``"none"``, ``"batch"`` or ``"layer"``, before each activation, without learned scale and shift.
        skip: add the input of each hidden layer to its output, where both have the same width.
        dropout: probability of dropping a hidden unit during training.
        initialise: called with each member's ``nn.Linear`` layers before they are stacked.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        sizes: Sequence[int],
        activation: Callable[[Tensor], Tensor] = torch.relu,
        norm: str = "none",
        skip: bool = False,
        dropout: float = 0.0,
        initialise: Callable[[list[nn.Linear]], None] | None = None,
    ):
        super().__init__()
        self.activation, self.norm, self.skip, self.dropout = activation, norm, skip, dropout
        drawn = []
        for seed in seeds:
            seed_everything(seed)
            layers = [nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:], strict=True)]
            if initialise is not None:
                with torch.no_grad():
                    initialise(layers)
            drawn.append(layers)
        self.weights = nn.ParameterList(
            torch.stack([layer.weight.detach().T for layer in same]) for same in zip(*drawn, strict=True)
        )
        self.biases = nn.ParameterList(
            torch.stack([layer.bias.detach()[None] for layer in same]) for same in zip(*drawn, strict=True)
        )
        if norm == "batch":
            for i, width in enumerate(sizes[1:-1]):
                self.register_buffer(f"mean{i}", torch.zeros(len(seeds) * width))
                self.register_buffer(f"var{i}", torch.ones(len(seeds) * width))

    def forward(self, x: Tensor) -> Tensor:
        """``(members, B, sizes[0])`` to logits ``(members, B, sizes[-1])``."""
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = torch.baddbmm(bias, x, weight)
            if i == last:
                return z
            out = self.activation(self.normalise(i, z))
            if self.dropout:
                out = F.dropout(out, self.dropout, self.training)
            x = x + out if self.skip and x.shape == out.shape else out
        raise AssertionError("a network has a last layer")

    def normalise(self, i: int, z: Tensor) -> Tensor:
        """Layer ``i`` of the norm that was chosen: ``(members, B, width)`` to the same shape."""
        if self.norm == "layer":
            return F.layer_norm(z, z.shape[-1:])
        if self.norm == "batch":  # over the batch, so members and units are columns of one table
            columns = z.transpose(0, 1).flatten(1)
            mean, var = getattr(self, f"mean{i}"), getattr(self, f"var{i}")
            return F.batch_norm(columns, mean, var, training=self.training).unflatten(1, (len(z), -1)).transpose(0, 1)
        return z


def members(images: Tensor, count: int) -> Tensor:
    """The same images ``(N, ...)`` for each of ``count`` members: ``(count, N, pixels)``, floats up to 1, no copy."""
    x = images.flatten(1).float()
    return (x / 255 if images.dtype == torch.uint8 else x).expand(count, -1, -1)


@torch.no_grad()
def accuracy(stack: Stack, images: Tensor, targets: Tensor) -> Tensor:
    """Each member's share of right answers: images ``(members, N, pixels)``, targets ``(members, N)``."""
    stack.eval()
    return (stack(images).argmax(-1) == targets).double().mean(1)


def flat(curve: Sequence[float], patience: int, rise: float = 0.005) -> bool:
    """Whether the best of the last ``patience`` values is no more than ``rise`` above the best one before them."""
    return len(curve) > patience and max(curve[-patience:]) <= max(curve[:-patience]) + rise


def train(
    stack: Stack,
    train_part: tuple[Tensor, Tensor],
    val_part: tuple[Tensor, Tensor],
    seeds: Sequence[int],
    *,
    epochs: int,
    patience: int = 20,
    rise: float = 0.005,
    unlearned: int = 0,
    until: float | None = None,
    batch_size: int = 64,
    optimizer: torch.optim.Optimizer | None = None,
    lr: float = 1e-3,
) -> dict:
    """Train until the mean validation accuracy is flat.

    Args:
        stack: the networks.
        train_part: images ``(members, N, pixels)`` and targets ``(members, N)``.
        val_part: the same for validation.
        seeds: one per member, for the order of the data.
        epochs: at most so many.
        patience: stop when the best mean accuracy of so many epochs is no more than ``rise`` above the best before.
        rise: a share, 0.005 is half a percentage point.
        unlearned: epochs that a stack gets in any case while its mean training accuracy is below 98 %: a network that
            stands still may be about to start.
        until: do not look at validation, but stop once every member has this training accuracy.
        batch_size: images per step.
        optimizer: of the stack's parameters; Adam with ``lr`` otherwise.
        lr: learning rate of that Adam.

    Returns:
        ``epochs`` trained, ``flat``, the last ``train`` and ``val`` accuracy of each member, and the ``curve`` of the
        mean validation accuracy.
    """
    images, targets = train_part
    optimizer = optimizer or torch.optim.Adam(stack.parameters(), lr=lr, fused=True)
    orders = [torch.Generator().manual_seed(seed) for seed in seeds]
    rows = torch.arange(len(seeds))[:, None]
    curve = []
    for _ in range(epochs):
        stack.train()
        order = torch.stack([torch.randperm(images.shape[1], generator=g) for g in orders])
        for index in order.split(batch_size, dim=1):
            if index.shape[1] == 1:  # batch norm needs two
                continue
            logits = stack(images[rows, index])
            loss = F.cross_entropy(logits.flatten(0, 1), targets[rows, index].flatten(), reduction="sum")
            loss = loss / index.shape[1]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        curve.append(accuracy(stack, *val_part).mean().item())
        if until is not None:
            if accuracy(stack, images, targets).min() >= until:
                break
        elif flat(curve, patience, rise) and (
            len(curve) >= unlearned or accuracy(stack, images, targets).mean() >= 0.98
        ):
            break
    return {
        "epochs": len(curve),
        "flat": flat(curve, patience, rise),
        "train": accuracy(stack, images, targets).tolist(),
        "val": accuracy(stack, *val_part).tolist(),
        "curve": [round(value, 4) for value in curve],
    }
