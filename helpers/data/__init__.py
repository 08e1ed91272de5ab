"""Data sets and loaders. Everything works without a network; real data is used where it is found or can be fetched.

Always there: `logic_gate`, `moons`, `spiral`, `digits`, `photograph`, `drawn_animals`. Real where possible:
`fashion_mnist`, `cats_vs_dogs`, `pets`, `image_folder`. Every data set says in ``.source`` where it came from:
print it.
"""

from helpers.data.decoding import open_photograph, read_photograph
from helpers.data.download import DownloadError
from helpers.data.drawn import SPECIES, drawn_animals
from helpers.data.folders import image_folder
from helpers.data.loaders import IMAGENET, Loader, channel_stats, make_loader, random_crop, random_flip
from helpers.data.real import cats_and_dogs, cats_vs_dogs, fashion_mnist, pets
from helpers.data.sets import Images, Splits, Table, split_indices
from helpers.data.tabular import digits, logic_gate, moons, photograph, spiral

__all__ = [
    "IMAGENET", "DownloadError", "SPECIES", "Images", "Loader", "Splits", "Table", "cats_and_dogs", "cats_vs_dogs",
    "channel_stats", "digits", "drawn_animals", "fashion_mnist", "image_folder", "logic_gate", "make_loader",
    "moons", "open_photograph", "pets", "photograph", "random_crop", "random_flip", "read_photograph", "spiral",
    "split_indices",
]  # fmt: skip
