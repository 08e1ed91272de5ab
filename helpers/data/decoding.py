"""The one way from a picture to pixels: for folders, for `predict` and for the upload button alike.

A network answers rightly about photographs that were prepared as its training photographs were. So whoever needs
pixels calls `read_photograph`, wherever the picture comes from.
"""

import io
import os
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

__all__ = ["open_photograph", "read_photograph"]


def read_photograph(source: Any, size: int, shorter: int | None = None, bicubic: bool = False) -> Tensor:
    """One photograph as uint8 ``(3, size, size)``: upright, in RGB, scaled by its shorter side, its centre cut out.

    Transparent pixels become white. Of 16-bit grey the upper 8 bits are kept. Grey in 32 bits or in floats has no
    white of its own: the first of 1, 255 and 65535 that no value exceeds is taken for it, or else the largest value.

    Args:
        source: a path, the bytes of a file, an open binary file, a PIL image, or a uint8 array or tensor: ``(H, W)``,
            ``(H, W, C)`` or ``(C, H, W)`` of 1, 3 or 4 channels. Where both readings fit, an array has its channels
            last and a tensor first.
        size: height and width of the result.
        shorter: pixels of the shorter side before the centre is cut out; ``size`` by default. Networks that were
            trained with a margin want more, such as 256 for 224.
        bicubic: scale with bicubic instead of bilinear interpolation.

    Raises:
        ValueError: if the source is no picture, or ``size`` or ``shorter`` is out of range.
        TypeError: if an array or tensor is not uint8, or the source is of another kind.
        FileNotFoundError: if there is no such file.
        OSError: if the file cannot be read, or breaks off.
    """
    import numpy as np

    return torch.from_numpy(np.array(_cut(source, size, shorter, bicubic)).transpose(2, 0, 1).copy())


def open_photograph(source: Any, least: int | None = None) -> "Image.Image":
    """A picture as a PIL image in RGB, upright, on white where it is transparent.

    Args:
        source: see `read_photograph`.
        least: pixels that the shorter side needs; a JPEG file is then decoded at 1/2, 1/4 or 1/8 of its size if that
            is enough, which is most of the work saved.

    Raises:
        ValueError, TypeError, OSError: see `read_photograph`.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if isinstance(source, Image.Image):
        return _in_colour(ImageOps.exif_transpose(source), source.format)
    if isinstance(source, Tensor) or hasattr(source, "__array_interface__"):
        return _in_colour(_from_array(source))
    if not isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)) and not hasattr(source, "read"):
        raise TypeError(
            f"a {type(source).__name__} is no picture; "
            "give a path, the bytes of a file, a PIL image, an array or a tensor"
        )
    if isinstance(source, (str, os.PathLike)):
        _check_path(source)
    name = os.fspath(source) if isinstance(source, (str, os.PathLike)) else "the upload"
    file: Any = io.BytesIO(source) if isinstance(source, (bytes, bytearray, memoryview)) else source
    try:
        with Image.open(file) as image:
            if least is not None:
                scale = least / min(image.size)
                image.draft("RGB", (round(image.width * scale), round(image.height * scale)))
            return _in_colour(ImageOps.exif_transpose(image), image.format)
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise ValueError(f"{name} has more than {limit} million pixels; scale it down and try again") from error
    except UnidentifiedImageError as error:
        name = os.fsencode(name).decode("utf-8", "backslashreplace")
        raise ValueError(f"{name} is not a picture that can be read; save it as JPEG or PNG") from error


def _check_path(source: "str | os.PathLike") -> None:
    """Say what to do about a path that leads to no file."""
    from helpers.data.layout import shown
    from helpers.data.tabular import PHOTOGRAPHS

    name = shown(source)
    if name.startswith(("http://", "https://")):
        raise ValueError(f"{name} is an address; save the picture on this machine and give its path")
    if os.path.isdir(source):
        raise ValueError(f"{name} is a folder; give one picture, or read them all with data.image_folder")
    if not os.path.exists(source):
        bundled = f'; did you mean data.photograph("{name}")?' if name in PHOTOGRAPHS else ""
        raise FileNotFoundError(f"there is no file {name}{bundled or ' (looked in ' + shown(os.getcwd()) + ')'}")


def _cut(source: Any, size: int, shorter: int | None, bicubic: bool) -> "Image.Image":
    from PIL import Image

    shorter = size if shorter is None else shorter
    if not isinstance(size, int) or size < 1 or shorter < size:
        raise ValueError(f"size must be a whole number from 1 to shorter, but size is {size!r} and shorter {shorter!r}")
    image = open_photograph(source, shorter)
    # The sizes and places of torchvision's Resize and CenterCrop, to the pixel.
    wide, high = (int(shorter * side / min(image.size)) for side in image.size)
    image = image.resize((wide, high), Image.Resampling.BICUBIC if bicubic else Image.Resampling.BILINEAR)
    left, top = round((wide - size) / 2), round((high - size) / 2)
    return image.crop((left, top, left + size, top + size))


def _in_colour(image: "Image.Image", form: str | None = None) -> "Image.Image":
    """An upright picture, from a file of the given format, in RGB, on white where it is transparent."""
    import numpy as np
    from PIL import Image

    if image.mode.startswith("I;16") or (image.mode == "I" and form == "PNG"):  # older Pillow calls both I
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    elif image.mode in ("I", "F"):
        image = Image.fromarray(_eight_bits(np.asarray(image, dtype=np.float64)))
    elif image.mode == "La":
        image = image.convert("LA")
    if "A" in image.getbands() or image.mode == "RGBa" or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _eight_bits(values: "np.ndarray") -> "np.ndarray":
    """Grey values of an unknown scale on the scale from 0 to 255; what is no number becomes black."""
    import numpy as np

    values = np.nan_to_num(values, nan=0, posinf=0, neginf=0)
    top = float(values.max(initial=0))
    white = next((white for white in (1, 255, 65535) if top <= white), top)
    return (values * (255 / white)).round().clip(0, 255).astype(np.uint8)


def _from_array(source: Any) -> "Image.Image":
    import numpy as np
    from PIL import Image

    channels_first = isinstance(source, Tensor)
    pixels = np.asarray(source.detach().cpu() if isinstance(source, Tensor) else source)
    shape = tuple(pixels.shape)
    if pixels.ndim == 4:
        raise ValueError(f"one picture at a time: the shape is {shape}, a batch; take one of them, such as batch[0]")
    if pixels.dtype != np.uint8:
        raise TypeError(
            f"the pixels are {pixels.dtype}; give uint8 values from 0 to 255, "
            "such as (255 * pixels).astype('uint8') of an array or (255 * pixels).byte() of a tensor from 0 to 1"
            if pixels.dtype.kind == "f"
            else f"the pixels are {pixels.dtype}; give uint8 values from 0 to 255"
        )
    if pixels.ndim == 3:
        first, last = shape[0] in (1, 3, 4), shape[2] in (1, 3, 4)
        if first and (channels_first or not last):
            pixels = pixels.transpose(1, 2, 0)
        if pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
    if pixels.size == 0 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise ValueError(f"a picture has the shape (H, W), (H, W, C) or (C, H, W) with 1, 3 or 4 channels, not {shape}")
    return Image.fromarray(np.ascontiguousarray(pixels))
