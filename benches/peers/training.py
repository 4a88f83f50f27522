"""Times PyTorch's training step, for comparison with `cargo bench -p zoo-model --bench training`.

ResNet-50 with random weights, batch norms on the statistics of the batch, cross-entropy; one step is a
forward and a backward pass, without an optimiser, on random pictures of 224 x 224.

    python benches/peers/training.py --batch 8 --threads 2 --steps 5

Needs torch and torchvision. Prints the best and the median of the steps, in images a second.
"""

import argparse
import statistics
import time

import torch
import torchvision


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--model", default="resnet50", help="a classifier of torchvision's")
    parser.add_argument(
        "--channels-last", action="store_true", help="store channels last, not PyTorch's default"
    )
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = torchvision.models.get_model(arguments.model, weights=None).train()
    pictures = torch.randn(arguments.batch, 3, 224, 224)
    if arguments.channels_last:
        model = model.to(memory_format=torch.channels_last)
        pictures = pictures.to(memory_format=torch.channels_last)
    labels = torch.arange(arguments.batch)

    seconds = []
    for step in range(arguments.steps + 1):
        model.zero_grad(set_to_none=True)
        begin = time.perf_counter()
        loss = torch.nn.functional.cross_entropy(model(pictures), labels)
        loss.backward()
        # The first step warms up.
        if step > 0:
            seconds.append(time.perf_counter() - begin)
    best, median = min(seconds), statistics.median(seconds)
    print(
        f"PyTorch {torch.__version__} {arguments.model}, batch {arguments.batch}, "
        f"{arguments.threads} threads: best {arguments.batch / best:.2f}, "
        f"median {arguments.batch / median:.2f} images/s"
    )


if __name__ == "__main__":
    main()
