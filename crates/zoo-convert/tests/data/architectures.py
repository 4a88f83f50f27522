"""Writes architectures.tsv: of each network its name; how many parameters torchvision's or timm's
has; the sha256 of their names and shapes, one `name [length, ...]` a line, sorted; and how its
first published weights take pictures: crop, shorter side, filter, first number of the mean.
Counters of batches and auxiliary heads are left out. Needs torch, torchvision and timm.

    python architectures.py > architectures.tsv
"""

import hashlib
import math
import re

import timm
import torch
import torchvision

TORCHVISION = (
    "alexnet|densenet|efficientnet|googlenet|inception|mnasnet|mobilenet|regnet|res|shuffle"
    "|squeeze|vgg|wide"
)
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


def torchvision_pictures(name):
    weights = list(torchvision.models.get_model_weights(name))
    first = next((known for known in weights if known.name == "IMAGENET1K_V1"), weights[0])
    taken = first.transforms()
    # These two change the normalisation themselves (`transform_input`).
    mean = 0.5 if name in ("googlenet", "inception_v3") else taken.mean[0]
    return taken.crop_size[0], taken.resize_size[0], taken.interpolation.value, mean


def timm_pictures(model):
    config = model.default_cfg
    size = config["input_size"][1]
    shorter = math.floor(size / config["crop_pct"])
    return size, shorter, config["interpolation"], config["mean"][0]


def line(name, state, pictures):
    names = lite_names(state) if "lite" in name else {known: known for known in state}
    lines = sorted(
        f"{names[known]} {list(tensor.shape)}\n"
        for known, tensor in state.items()
        if not known.endswith("num_batches_tracked") and not known.startswith(AUXILIARY)
    )
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    return "\t".join(map(str, [name, len(lines), digest, *pictures]))


if __name__ == "__main__":
    models = torchvision.models
    sizes = models.regnet.BlockParams
    sizes.from_init_params = sizes_on_cpu(sizes.from_init_params)
    with torch.device("meta"):
        for name in models.list_models(module=models):
            if re.match(TORCHVISION, name):
                options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
                state = models.get_model(name, weights=None, **options).state_dict()
                print(line(name, state, torchvision_pictures(name)), flush=True)
        for name in TIMM:
            model = timm.create_model(name)
            print(line(name, model.state_dict(), timm_pictures(model)), flush=True)
        for name, original in LITE.items():
            # The port's own, which no library records.
            print(line(name, timm.create_model(original).state_dict(), ["-"] * 4), flush=True)
