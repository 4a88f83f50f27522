"""The networks that are compared: how PyTorch makes them, and how zoo gets the same one.

Weights are drawn, not downloaded: how long a network takes does not depend on what it knows.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CHANNELS = 3


@dataclass(frozen=True)
class Network:
    """A network under its name in zoo."""

    name: str
    torch_name: str
    """Its function in `torchvision.models`, or its name in timm."""
    library: str = "torchvision"
    image: int = 224
    """The side of its pictures."""
    built_in: bool = False
    """Whether the program has weights of it, so that none need to be drawn."""

    def module(self):
        """PyTorch's module with weights that are drawn, for inference.

        Raises ImportError where the library is not installed."""
        if self.library == "timm":
            import timm

            return timm.create_model(self.torch_name, pretrained=False).eval()
        import torchvision

        # Inception's heads that only help to train are in no file that is run.
        extra = {}
        if self.name == "inception-v3":
            extra = {"aux_logits": False, "init_weights": False}
        return getattr(torchvision.models, self.torch_name)(weights=None, **extra).eval()


NETWORKS = {
    network.name: network
    for network in [
        Network("resnet-18", "resnet18"),
        Network("resnet-50", "resnet50"),
        Network("mobilenet-v2", "mobilenet_v2"),
        Network("mobilenet-v3-large", "mobilenet_v3_large"),
        Network("efficientnet-b0", "efficientnet_b0"),
        Network("efficientnet-lite0", "tf_efficientnet_lite0", library="timm", built_in=True),
        Network("inception-v3", "inception_v3", image=299),
        Network("vgg-16", "vgg16"),
        Network("densenet-121", "densenet121"),
        Network("squeezenet-1.1", "squeezenet1_1"),
        Network("vit-b-16", "vit_b_16"),
    ]
}


def draw_checkpoint(network: Network, path: Path) -> None:
    """Writes a checkpoint of `network` with drawn weights.

    The statistics of batch norms are set to those of one batch of noise. Without that values
    shrink from layer to layer, and denormal numbers are slow for some engines only."""
    import torch

    torch.manual_seed(0)
    module = network.module()
    # Some heads begin with zeros, whose logits would tell nothing apart.
    for layer in module.modules():
        if isinstance(layer, torch.nn.Linear) and not layer.weight.any():
            torch.nn.init.normal_(layer.weight, std=0.02)
    norms = [m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        module(torch.randn(4, CHANNELS, network.image, network.image))
    torch.save(module.state_dict(), path)


def prepare(network: Network, zoo: Path, work: Path) -> tuple[str, Path]:
    """What to give `zoo bench`, and the ONNX file that zoo exports of the same network.

    Bundles in `work` that are there already are taken as they are; what an older program than `zoo`
    exported is exported again."""
    model = network.name
    if not network.built_in:
        bundle = work / f"{network.name}.zoo"
        if not bundle.exists():
            checkpoint = work / f"{network.name}.pth"
            draw_checkpoint(network, checkpoint)
            call(zoo, "convert", checkpoint, "--arch", network.name, "--out", bundle)
            checkpoint.unlink()
        model = str(bundle)
    onnx = work / f"{network.name}.onnx"
    if not onnx.exists() or onnx.stat().st_mtime < zoo.stat().st_mtime:
        call(zoo, "export", model, "--format", "onnx", "--out", onnx, "--force")
    return model, onnx


def call(*command) -> str:
    """Runs a command to its end and gives back what it printed; its errors are shown."""
    words = [str(word) for word in command]
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout


def probe(shape: tuple[int, int, int, int]) -> np.ndarray:
    """The input of a card's parity vector, by the rule `tiles` of `zoo_model::bundle`: 8 by 8
    flat tiles a channel, of SplitMix64's numbers from the FNV-1a hash of the word `input`."""
    batch, channels, height, width = shape
    mask = (1 << 64) - 1
    seed = 0xCBF29CE484222325
    for byte in b"input":
        seed = ((seed ^ byte) * 0x100000001B3) & mask
    tiles = np.array([splitmix64((seed + i) & mask) >> 40 for i in range(batch * channels * 64)])
    tiles = (tiles / (1 << 24) * 2 - 1).reshape(batch, channels, 8, 8) * 2
    rows, columns = np.arange(height) * 8 // height, np.arange(width) * 8 // width
    return tiles[:, :, rows][:, :, :, columns].astype(np.float32)


def splitmix64(state: int) -> int:
    """The number that SplitMix64 draws in `state`."""
    mask = (1 << 64) - 1
    z = (state + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def disagreement(zoo: Path, model: str, onnx: Path) -> float | None:
    """The largest difference between zoo's logits, as the bundle's card has them, and ONNX
    Runtime's, as a share of their deviation; None where the card has none."""
    import onnxruntime

    card = json.loads(call(zoo, "inspect", model, "--json"))["card"]
    parity = card.get("parity")
    if not parity or parity["rule"] != "tiles":
        return None
    session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
    [given] = session.get_inputs()
    logits = session.run(None, {given.name: probe(tuple(parity["shape"]))})[0].ravel()
    expected = np.array(parity["expected"])
    return float(np.abs(logits[: len(expected)] - expected).max() / parity["deviation"])
