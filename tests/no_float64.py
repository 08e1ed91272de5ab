"""A device that this machine need not have: ``mps`` without float64, as on Apple's GPU, in whatever torch does.

Within `fake_mps()` a tensor goes to ``mps`` by ``.to("mps")`` or ``device="mps"``. From then on, what an Apple GPU
refuses is refused here: float64, NumPy's view of the memory, and tensors that live elsewhere. The numbers are those
of the CPU.
"""

import contextlib
from collections.abc import Iterator
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

MPS = torch.device("mps")


class There(torch.Tensor):
    """A tensor on the device."""

    @property
    def device(self) -> torch.device:
        return MPS

    def __array__(self, *args, **kwargs):
        raise TypeError("can't convert mps device type tensor to numpy. Use Tensor.cpu() first")


def _place(value) -> str | None:
    """The kind of device that an argument names, if it names one."""
    if isinstance(value, torch.device):
        return value.type
    return value.partition(":")[0] if isinstance(value, str) and value.partition(":")[0] in ("cpu", "mps") else None


class _Mode(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        tensors = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, torch.Tensor)]
        there = any(isinstance(one, There) for one in tensors)
        if name in ("__get__", "__set__", "__deepcopy__", "as_subclass", "__repr__"):
            return _elsewhere(func, args, kwargs) if name == "__deepcopy__" else self._property(func, args, kwargs)
        if func is torch.Tensor.cpu:
            return _run(func, args, kwargs).as_subclass(torch.Tensor)
        if func is torch.Tensor.numpy and there:
            raise TypeError("can't convert mps device type tensor to numpy. Use Tensor.cpu() first")
        moved = None
        if func is torch.Tensor.to:
            like = [one.device.type for one in args[1:] if isinstance(one, torch.Tensor)]
            moved = next(filter(None, [*map(_place, [*args[1:], kwargs.get("device")]), *like]), None)
            args = tuple("cpu" if _place(one) else one for one in args)
        elif _place(kwargs.get("device")):
            moved = _place(kwargs["device"])
        if moved and "device" in kwargs:
            kwargs["device"] = "cpu"
        # gradients are on the device, too, but are made below Python, where nobody can say so
        plain = any(type(one) is torch.Tensor and one.ndim for one in tensors) and not name.startswith(
            ("_fused", "_foreach")
        )
        if there and moved is None and plain:
            raise RuntimeError(f"Expected all tensors to be on the same device, but found mps and cpu ({name})")
        result = _run(func, args, kwargs)
        return tree_map(_there, result) if moved == "mps" or (there and moved != "cpu") else tree_map(_here, result)

    def _property(self, func, args, kwargs):
        result = _run(func, args, kwargs)
        there = bool(args) and isinstance(args[0], There) and isinstance(result, torch.Tensor)
        return _there(result) if there and func.__name__ == "__get__" else result


def _run(func, args, kwargs):
    with torch._C.DisableTorchFunctionSubclass():
        return func(*args, **kwargs)


def _elsewhere(func, args, kwargs):
    """A copy, which torch makes of the plain tensor only."""
    copy = _there(args[0].as_subclass(torch.Tensor).detach().clone())
    made = torch.nn.Parameter if isinstance(args[0], torch.nn.Parameter) else torch.Tensor.requires_grad_
    return made(copy, args[0].requires_grad)


def _there(value):
    if not isinstance(value, torch.Tensor) or isinstance(value, There):
        return value
    if value.dtype in (torch.float64, torch.complex128):
        raise TypeError(
            "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64. "
            "Please use float32 instead."
        )
    return value.as_subclass(There)


def _here(value):
    return value.as_subclass(torch.Tensor) if isinstance(value, There) else value


def _yes() -> bool:
    return True


_yes.__wrapped__ = _yes  # torch's compiler looks for it


@contextlib.contextmanager
def fake_mps() -> Iterator[None]:
    """The device is there, and is the best one at hand."""
    overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with mock.patch("torch.backends.mps.is_available", _yes), _Mode():
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(overwrite)
