"""The same `fit` on several processes: every process works on its share of each batch, and gradients are averaged.

``torchrun --nproc-per-node=2 script.py`` starts the processes and tells each its rank; PyTorch's
DistributedDataParallel does the rest. The batch size is the size of the whole batch, so learning rate, number of steps
and result are those of one process (batch norm excepted: its statistics are those of the share).
"""

import atexit
import os

import torch
from torch import Tensor, nn

__all__ = ["Team"]


class Team:
    """The processes that train one model together.

    Attributes:
        rank: number of this process, from 0.
        size: number of processes.
        device: the device of this process.
    """

    def __init__(self, rank: int, size: int, device: torch.device) -> None:
        self.rank, self.size, self.device, self.checked = rank, size, device, False

    @staticmethod
    def join() -> "Team | None":
        """The team that torchrun started, or None for a process on its own."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return None
        distributed = torch.distributed
        if torch.cuda.is_available():
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        else:
            device = torch.device("cpu")
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
            atexit.register(distributed.destroy_process_group)
        return Team(distributed.get_rank(), size, device)

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model with gradients averaged over the team; all processes start from the weights of the first."""
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(model, device_ids=[self.device] if self.device.type == "cuda" else None)

    def is_divided(self, loader) -> bool:
        """Does the loader deal out shares by itself, by way of torch's DistributedSampler?"""
        return hasattr(getattr(loader, "sampler", None), "num_replicas")

    def share(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, float]:
        """This process's part of a batch, and the factor that makes an average over processes a mean over samples."""
        self._check_same(targets)
        whole = targets.shape[0]
        mine = slice(self.rank, None, self.size)
        if self.rank >= whole:  # nothing left: compute along with the others, but count for nothing
            return inputs[:1], targets[:1], 0.0
        targets = targets[mine]
        return inputs[mine], targets, targets.shape[0] * self.size / whole

    def add_up(self, numbers: tuple[float, ...]) -> list[float]:
        """Each number summed over the team."""
        total = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(total)
        return total.tolist()

    def _check_same(self, targets: Tensor) -> None:
        if self.checked:
            return
        self.checked = True
        mark = torch.tensor(
            [float(targets.cpu().double().sum()), len(targets)], dtype=torch.float64, device=self.device
        )
        marks = [torch.empty_like(mark) for _ in range(self.size)]
        torch.distributed.all_gather(marks, mark)
        if any(not torch.equal(mark, other) for other in marks):
            raise ValueError(
                "the processes drew different batches: give the loader a generator with the same seed in all of them"
            )
