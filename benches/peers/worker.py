"""One turn of ONNX Runtime or PyTorch, in a process of its own; run.py starts it.

    python worker.py onnxruntime resnet-50 resnet-50.onnx --batch 8 --threads 2 --seconds 3

Prints the keys of `zoo bench --json`.
"""

import argparse
import json
import statistics
import time

import numpy as np

from networks import CHANNELS, NETWORKS

WARM_UP = 2
"""Runs before the clock starts, as in `zoo bench`."""
FEWEST = 3
"""The fewest runs of which a median says anything."""


def onnxruntime_run(onnx: str, pictures: np.ndarray, threads: int):
    """A function that runs the ONNX file once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    [given] = session.get_inputs()
    return lambda: session.run(None, {given.name: pictures})


def torch_run(name: str, pictures: np.ndarray, threads: int, channels_last: bool):
    """A function that runs PyTorch's own module of the same network once, not compiled."""
    import torch

    torch.set_num_threads(threads)
    module, given = NETWORKS[name].module(), torch.from_numpy(pictures)
    if channels_last:
        module = module.to(memory_format=torch.channels_last)
        given = given.contiguous(memory_format=torch.channels_last)

    def run():
        with torch.inference_mode():
            module(given)

    return run


def measure(run, seconds: float) -> list[float]:
    """The seconds of each run, for so many seconds, but at least three runs."""
    for _ in range(WARM_UP):
        run()
    times, begin = [], time.perf_counter()
    while len(times) < FEWEST or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=["onnxruntime", "torch", "torch-channels-last"])
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("onnx", help="the file that ONNX Runtime runs")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    image = NETWORKS[arguments.network].image
    shape = (arguments.batch, CHANNELS, image, image)
    pictures = np.random.default_rng(0).standard_normal(shape, np.float32)
    if arguments.engine == "onnxruntime":
        run = onnxruntime_run(arguments.onnx, pictures, arguments.threads)
    else:
        last = arguments.engine == "torch-channels-last"
        run = torch_run(arguments.network, pictures, arguments.threads, last)
    times = measure(run, arguments.seconds)
    report = {
        "engine": arguments.engine,
        "batch": arguments.batch,
        "threads": arguments.threads,
        "runs": len(times),
        "best_images_per_second": arguments.batch / min(times),
        "median_images_per_second": arguments.batch / statistics.median(times),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
