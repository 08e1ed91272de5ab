"""The same `fit` on several processes: every process works on its share of each batch, and gradients are averaged.

``torchrun --nproc-per-node=2 script.py`` starts the processes and tells each its rank; PyTorch's
DistributedDataParallel does the rest. The batch size is the size of the whole batch, so learning rate, number of steps and
result are those of one process (batch norm excepted: its statistics are those of the share).
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
        self.rank, self.size, self.device = rank, size, device

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

    def share(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, float]:
        """This process's part of a batch, and the factor that makes an average over processes a mean over samples."""
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

    def check_same(self, inputs: Tensor) -> None:
        """Refuse loaders that deal out different batches in different processes."""
        mark = torch.tensor([inputs.double().sum().item(), inputs.numel()], dtype=torch.float64, device=self.device)
        lowest, highest = mark.clone(), mark.clone()
        torch.distributed.all_reduce(lowest, torch.distributed.ReduceOp.MIN)
        torch.distributed.all_reduce(highest, torch.distributed.ReduceOp.MAX)
        if not torch.equal(lowest, highest):
            raise ValueError(
                "the processes drew different batches: give every loader a seeded generator, the same in all processes"
            )
