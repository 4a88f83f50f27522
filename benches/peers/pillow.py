"""Prepares pictures with Pillow and numpy, to be set beside our own times.

The same work that `cargo bench -p zoo-model --bench preprocess` measures: open and convert to
RGB; resize to a shorter side of 256, bilinear, and crop the centre of 224 x 224; normalise to
float32 planes with ImageNet's mean and standard deviation. One thread; times are the least of
many, because whatever else the machine does only adds to them.

    cargo bench -p zoo-model --bench preprocess -- --save inputs
    cargo bench -p zoo-model --bench preprocess -- inputs/* | tee ours.txt
    python benches/peers/pillow.py --ours ours.txt inputs/*

With `--ours`, a line for each file says how many times our time Pillow's is: above 1, we are
faster. Needs Pillow (or pillow-simd) and numpy, and tells their versions.
"""

import argparse
import io
import pathlib
import re
import time

import numpy
import PIL
from PIL import Image, features

MEAN = numpy.array([0.485, 0.456, 0.406], dtype=numpy.float32)
STD = numpy.array([0.229, 0.224, 0.225], dtype=numpy.float32)


def decode(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def resize(image: Image.Image) -> Image.Image:
    """torchvision's Resize(256) and CenterCrop(224)."""
    width, height = image.size
    short = min(width, height)
    size = (256 * width // short, 256 * height // short)
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - 224) / 2), round((size[1] - 224) / 2)
    return image.crop((left, top, left + 224, top + 224))


def normalise(image: Image.Image) -> numpy.ndarray:
    """[3, 224, 224]; planes first and in place, which is numpy's fastest way."""
    planes = numpy.asarray(image).transpose(2, 0, 1).astype(numpy.float32, order="C")
    planes *= (1 / 255 / STD)[:, None, None]
    planes -= (MEAN / STD)[:, None, None]
    return planes


def least(run, seconds: float) -> float:
    """The milliseconds that `run` takes, at least."""
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best * 1e3


def read_ours(path: pathlib.Path) -> dict[str, float]:
    """The milliseconds in all, by file name, of the bench's own output."""
    ours = {}
    for line in path.read_text().splitlines():
        times = re.findall(r"([\d.]+) ms", line)
        if len(times) == 4:
            ours[line.split()[0]] = float(times[3])
    return ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--ours", type=pathlib.Path, help="what our bench printed")
    parser.add_argument("--seconds", type=float, default=1.5, help="for each figure")
    options = parser.parse_args()
    ours = read_ours(options.ours) if options.ours else {}
    turbo = features.version("libjpeg_turbo")
    print(f"Pillow {PIL.__version__}, libjpeg-turbo {turbo}, numpy {numpy.__version__}")
    print(f"{'file':<22} {'decode':>10} {'resize':>10} {'normalise':>10} {'in all':>10}")
    for file in options.files:
        data = file.read_bytes()
        image = decode(data)
        crop = resize(image)
        times = [
            least(run, options.seconds)
            for run in (
                lambda: decode(data),
                lambda: resize(image),
                lambda: normalise(crop),
                lambda: normalise(resize(decode(data))),
            )
        ]
        print(f"{file.name:<22} " + " ".join(f"{time:>7.3f} ms" for time in times))
        if file.name in ours:
            ratio = times[3] / ours[file.name]
            print(f"{file.name:<22} {ratio:.2f} times our time of {ours[file.name]:.3f} ms")


if __name__ == "__main__":
    main()
