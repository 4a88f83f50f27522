"""Writes architectures.tsv: of each network its name, how many parameters torchvision's or timm's
has, and the sha256 of their names and shapes, one `name [length, ...]` a line, sorted. Counters of
batches and auxiliary heads are left out. Needs torch, torchvision and timm.

    python architectures.py > architectures.tsv
"""

import hashlib
import re

import timm
import torch
import torchvision

TORCHVISION = "alexnet|densenet|efficientnet|googlenet|inception|mnasnet|mobilenet|regnet|res|shuffle|squeeze|vgg|wide"
TIMM = ["inception_v4", "inception_resnet_v2"]
LITE = {f"efficientnet_lite{n}": f"tf_efficientnet_lite{n}" for n in range(5)}
AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")
SEPARABLE = {
    "conv_dw": "_depthwise_conv",
    "bn1": "_bn1",
    "conv_pw": "_project_conv",
    "bn2": "_bn2",
}
INVERTED = {
    "conv_pw": "_expand_conv",
    "bn1": "_bn0",
    "conv_dw": "_depthwise_conv",
    "bn2": "_bn1",
    "conv_pwl": "_project_conv",
    "bn3": "_bn2",
}
OUTSIDE = {
    "conv_stem": "_conv_stem",
    "bn1": "_bn0",
    "conv_head": "_conv_head",
    "bn2": "_bn1",
    "classifier": "_fc",
}


def lite_names(state):
    """The names of EfficientNet-Lite's PyTorch port for timm's."""
    blocks = {}
    names = {}
    for name in state:
        if block := re.match(r"blocks\.(\d+\.\d+)\.(\w+)\.(.*)", name):
            number = blocks.setdefault(block[1], len(blocks))
            parts = SEPARABLE if block[1].startswith("0.") else INVERTED
            names[name] = f"_blocks.{number}.{parts[block[2]]}.{block[3]}"
        else:
            module, rest = name.split(".")
            names[name] = f"{OUTSIDE[module]}.{rest}"
    return names


def sizes_on_cpu(rule):
    """RegNet computes its widths with tensors, which must not be on the meta device."""

    def computed(*arguments, **options):
        with torch.device("cpu"):
            return rule(*arguments, **options)

    return computed


def line(name, state):
    names = lite_names(state) if "lite" in name else {known: known for known in state}
    lines = sorted(
        f"{names[known]} {list(tensor.shape)}\n"
        for known, tensor in state.items()
        if not known.endswith("num_batches_tracked") and not known.startswith(AUXILIARY)
    )
    return f"{name}\t{len(lines)}\t{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


if __name__ == "__main__":
    models = torchvision.models
    sizes = models.regnet.BlockParams
    sizes.from_init_params = sizes_on_cpu(sizes.from_init_params)
    with torch.device("meta"):
        for name in models.list_models(module=models):
            if re.match(TORCHVISION, name):
                options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
                state = models.get_model(name, weights=None, **options).state_dict()
                print(line(name, state), flush=True)
        for name in TIMM:
            print(line(name, timm.create_model(name).state_dict()), flush=True)
        for name, original in LITE.items():
            print(line(name, timm.create_model(original).state_dict()), flush=True)
