"""Times PyTorch's training step, for comparison with `cargo bench -p zoo-model --bench training`.

ResNet-50 with random weights, batch norms on the statistics of the batch, cross-entropy; one step is a
forward and a backward pass, without an optimiser, on random pictures of 224 x 224. With `--model encoder`
the last two layers of an encoder of sentences, on texts of 128 tokens.

    python benches/peers/training.py --batch 8 --threads 2 --steps 5
    python benches/peers/training.py --model encoder --batch 32 --threads 2 --steps 5

Needs torch and torchvision. Prints the best and the median of the steps, in images a second.
"""

import argparse
import statistics
import time

import torch
import torchvision


TOKENS, CHANNELS, HEADS = 128, 384, 12


class Layer(torch.nn.Module):
    """A layer as BERT has it."""

    def __init__(self) -> None:
        super().__init__()
        linear = torch.nn.Linear
        self.query, self.key = linear(CHANNELS, CHANNELS), linear(CHANNELS, CHANNELS)
        self.value, self.output = linear(CHANNELS, CHANNELS), linear(CHANNELS, CHANNELS)
        self.wide, self.narrow = linear(CHANNELS, 4 * CHANNELS), linear(4 * CHANNELS, CHANNELS)
        self.norm1 = torch.nn.LayerNorm(CHANNELS, eps=1e-12)
        self.norm2 = torch.nn.LayerNorm(CHANNELS, eps=1e-12)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        split = lambda y: y.unflatten(-1, (HEADS, CHANNELS // HEADS)).transpose(1, 2)
        queries, keys, values = split(self.query(x)), split(self.key(x)), split(self.value(x))
        y = torch.nn.functional.scaled_dot_product_attention(queries, keys, values, mask)
        x = self.norm1(self.output(y.transpose(1, 2).flatten(2)) + x)
        return self.norm2(self.narrow(torch.nn.functional.gelu(self.wide(x))) + x)


class Encoder(torch.nn.Module):
    """The last two layers, and a head on the mean of the tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([Layer(), Layer()])
        self.head = torch.nn.Linear(CHANNELS, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = torch.zeros(len(x), 1, 1, TOKENS)
        for layer in self.layers:
            x = layer(x, mask)
        return self.head(x.mean(1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--model", default="resnet50", help="a classifier of torchvision's, or encoder")
    parser.add_argument(
        "--channels-last", action="store_true", help="store channels last, not PyTorch's default"
    )
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    of_texts = arguments.model == "encoder"
    if of_texts:
        model, inputs = Encoder(), torch.randn(arguments.batch, TOKENS, CHANNELS)
    else:
        model = torchvision.models.get_model(arguments.model, weights=None).train()
        inputs = torch.randn(arguments.batch, 3, 224, 224)
    if arguments.channels_last:
        model = model.to(memory_format=torch.channels_last)
        inputs = inputs.to(memory_format=torch.channels_last)
    labels = torch.arange(arguments.batch) % 2

    seconds = []
    for step in range(arguments.steps + 1):
        model.zero_grad(set_to_none=True)
        begin = time.perf_counter()
        loss = torch.nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        # The first step warms up.
        if step > 0:
            seconds.append(time.perf_counter() - begin)
    best, median = min(seconds), statistics.median(seconds)
    print(
        f"PyTorch {torch.__version__} {arguments.model}, batch {arguments.batch}, "
        f"{arguments.threads} threads: best {arguments.batch / best:.2f}, "
        f"median {arguments.batch / median:.2f} {'texts' if of_texts else 'images'}/s"
    )


if __name__ == "__main__":
    main()
