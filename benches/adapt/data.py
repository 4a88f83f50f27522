"""The pictures that are adapted to, as folders of folders."""

import gzip
import shutil
import struct
from pathlib import Path

FASHION_CLASSES = [
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle-boot",
]  # fmt: skip
"""Names of Fashion-MNIST's labels 0 to 9, from its README."""


def read_idx(path: Path, count: int) -> tuple[tuple[int, ...], bytes]:
    """The shape of one item of a gzipped IDX file of bytes, and the first `count` items.

    The format: two zeros, the type (8 is unsigned bytes), the number of dimensions, each
    dimension as four bytes with the highest first, the values."""
    with gzip.open(path) as file:
        zeros, kind, dimensions = struct.unpack(">HBB", file.read(4))
        if zeros != 0 or kind != 8 or dimensions == 0:
            raise ValueError(f"{path} is no IDX file of bytes")
        items, *shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
        size = 1
        for side in shape:
            size *= side
        if items < count:
            raise ValueError(f"{path} has {items} items, not {count}")
        values = file.read(count * size)
    if len(values) != count * size:
        raise ValueError(f"{path} ends early")
    return tuple(shape), values


def unpack_fashion_mnist(source: Path, target: Path, count: int) -> Path:
    """Writes the first `count` training pictures as PNG files, a folder a class, and gives back
    `target`; nothing is done where it is there already."""
    if target.exists():
        return target
    from PIL import Image

    (height, width), pixels = read_idx(source / "train-images-idx3-ubyte.gz", count)
    _, labels = read_idx(source / "train-labels-idx1-ubyte.gz", count)
    unfinished = target.with_name(f"{target.name}.partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    for name in FASHION_CLASSES:
        (unfinished / name).mkdir(parents=True)
    size = height * width
    for number, label in enumerate(labels):
        values = pixels[number * size : (number + 1) * size]
        picture = Image.frombytes("L", (width, height), values)
        picture.save(unfinished / FASHION_CLASSES[label] / f"{number:05}.png")
    unfinished.rename(target)
    return target
