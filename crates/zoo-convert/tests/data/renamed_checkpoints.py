"""Writes renamed/*.json: checkpoints with timm's, Hugging Face's and the authors' names, and the
logits that timm and transformers compute from them.

No weights are stored: both sides make them from the names that stand in the file, by the rule of
the parity fixtures (`zoo_convert::architectures::rule_weights`, `zoo_model::bundle::rule_tiles`).
Names that differ only in the number of a block stand once, as `blocks.{0..11}.norm1.weight`.
Needs timm, transformers, torch, safetensors. A second argument is the beginning of the names of
those to write.

    python renamed_checkpoints.py renamed
    python renamed_checkpoints.py renamed timm.efficientnet
"""

import json
import math
import pathlib
import re
import sys
import tempfile

import numpy
import safetensors.torch
import timm
import torch
import transformers

CLASSES = 8
TIMM = {
    "vit-b-32": ("vit_base_patch32_224", 224),
    "convnext-tiny": ("convnext_tiny", 224),
    "swin-t": ("swin_tiny_patch4_window7_224", 224),
    "swin-v2-t": ("swinv2_tiny_window8_256", 256),
    "resnet-18": ("resnet18", 224),
    "vgg-11-bn": ("vgg11_bn", 224),
    "mobilenet-v2": ("mobilenetv2_100", 224),
    "mobilenet-v3-large": ("mobilenetv3_large_100", 224),
    "mobilenet-v3-small": ("mobilenetv3_small_100", 224),
    "tf-mobilenet-v3-small": ("tf_mobilenetv3_small_100", 224),
    "mnasnet-0.5": ("mnasnet_050", 224),
    "efficientnet-b0": ("efficientnet_b0", 224),
    "tf-efficientnet-b0": ("tf_efficientnet_b0", 224),
    "efficientnet-b5": ("efficientnet_b5", 456),
    "tf-efficientnet-v2-s": ("tf_efficientnetv2_s", 384),
    "efficientnet-v2-m": ("efficientnetv2_m", 480),
    "efficientnet-lite0": ("efficientnet_lite0", 224),
    "tf-efficientnet-lite1": ("tf_efficientnet_lite1", 240),
    "tf-efficientnet-lite3": ("tf_efficientnet_lite3", 280),
    "tf-efficientnet-lite4": ("tf_efficientnet_lite4", 300),
}
# The epsilon of the norms is that with which the published weights were trained, and torchvision's;
# transformers runs them with 1e-12 unless told so, which moves these logits by 2e-4.
EPSILON = {"layer_norm_eps": 1e-6}
HUGGING_FACE = {
    "vit-b-32": (
        transformers.ViTConfig(patch_size=32, **EPSILON),
        transformers.ViTForImageClassification,
        224,
    ),
    "resnet-18": (
        transformers.ResNetConfig(
            layer_type="basic", depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512]
        ),
        transformers.ResNetForImageClassification,
        224,
    ),
    "convnext-tiny": (
        transformers.ConvNextConfig(**EPSILON),
        transformers.ConvNextForImageClassification,
        224,
    ),
    "swin-t": (transformers.SwinConfig(), transformers.SwinForImageClassification, 224),
    "swin-v2-t": (
        transformers.Swinv2Config(image_size=256, window_size=8),
        transformers.Swinv2ForImageClassification,
        256,
    ),
}


# The authors' names, as timm's filters take them: which of timm's module, whose filter, and how the
# names differ.
AUTHORS = {
    "convnext-tiny": (
        "convnext_tiny",
        timm.models.convnext.checkpoint_filter_fn,
        [
            (r"stem\.", "downsample_layers.0."),
            (r"stages\.(\d+)\.downsample\.", r"downsample_layers.\1."),
            (r"stages\.(\d+)\.blocks\.", r"stages.\1."),
            (r"conv_dw", "dwconv"),
            (r"mlp\.fc", "pwconv"),
            (r"head\.fc", "head"),
            (r"head\.norm", "norm"),
        ],
    ),
    "swin-t": (
        "swin_tiny_patch4_window7_224",
        timm.models.swin_transformer.checkpoint_filter_fn,
        [
            (r"layers\.1\.downsample", "layers.0.downsample"),
            (r"layers\.2\.downsample", "layers.1.downsample"),
            (r"layers\.3\.downsample", "layers.2.downsample"),
            (r"head\.fc", "head"),
        ],
    ),
}


def uniform(name, count):
    digest = 0xCBF29CE484222325
    for byte in name.encode():
        digest = ((digest ^ byte) * 0x100000001B3) % 2**64
    with numpy.errstate(over="ignore"):
        bits = numpy.uint64(digest) + numpy.arange(count, dtype=numpy.uint64)
        bits = bits + numpy.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        bits = bits ^ (bits >> numpy.uint64(31))
    return (bits >> numpy.uint64(40)).astype(numpy.float64) / 2.0**24 * 2.0 - 1.0


def value(name, shape):
    x = uniform(name, math.prod(shape))
    if name.endswith("running_var"):
        x = 1 + 0.25 * x
    elif name.endswith("running_mean"):
        x = 0.1 * x
    elif len(shape) == 1:
        x = 1 + 0.1 * x if name.endswith("weight") else 0.1 * x
    else:
        x = x * math.sqrt(3.0 / math.prod(shape[1:]))
    return torch.from_numpy(x.reshape(shape)).float()


def tiles(size):
    coarse = 2.0 * uniform("input", 3 * 64).reshape(1, 3, 8, 8)
    at = numpy.arange(size) * 8 // size
    return torch.from_numpy(coarse[:, :, at][:, :, :, at])


def fill(state):
    """The same names with values by the rule, and the shapes; counters of batches stay."""
    made = {
        name: tensor if name.endswith("num_batches_tracked") else value(name, tuple(tensor.shape))
        for name, tensor in state.items()
    }
    shapes = {
        name: list(tensor.shape)
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    }
    return made, shapes


def folded(shapes):
    lines, found = [], {}
    for name, shape in shapes.items():
        numbers = list(re.finditer(r"(?<=blocks\.|layers\.|\.layer\.)\d+", name))
        if not numbers:
            lines.append(f"{name} {shape}")
            continue
        start, end = numbers[-1].span()
        key = (name[:start], name[end:], str(shape))
        found.setdefault(key, []).append(int(name[start:end]))
    for (before, after, shape), numbers in found.items():
        while numbers:
            run = [n for i, n in enumerate(sorted(numbers)) if n == min(numbers) + i]
            number = f"{{{run[0]}..{run[-1]}}}" if len(run) > 1 else run[0]
            lines.append(f"{before}{number}{after} {shape}")
            numbers = [n for n in numbers if n not in run]
    return sorted(lines)


def write(out, source, architecture, size, shapes, logits):
    document = {
        "architecture": architecture,
        "size": size,
        "logits": [float(f"{value:.7g}") for value in logits[0].tolist()],
        "parameters": folded(shapes),
    }
    path = out / f"{source}.{architecture}.json"
    path.write_text(json.dumps(document, indent=0) + "\n")
    print(path, len(shapes), document["logits"])


def main(out, beginning):
    wanted = lambda source, of: [
        (name, what) for name, what in of.items() if f"{source}.{name}".startswith(beginning)
    ]
    for architecture, (name, size) in wanted("timm", TIMM):
        model = timm.create_model(name, num_classes=CLASSES).eval()
        state, shapes = fill(model.state_dict())
        model.load_state_dict(state)
        with torch.inference_mode():
            write(out, "timm", architecture, size, shapes, model.double()(tiles(size)))
    for architecture, (name, converted, differences) in wanted("authors", AUTHORS):
        model = timm.create_model(name, num_classes=CLASSES).eval()
        state = model.state_dict()
        for pattern, replacement in differences:
            state = {re.sub("^" * (pattern[0] in "sl") + pattern, replacement, name): tensor
                     for name, tensor in state.items()}
        state, shapes = fill(state)
        model.load_state_dict(converted(dict(state), model))
        with torch.inference_mode():
            write(out, "authors", architecture, 224, shapes, model.double()(tiles(224)))
    for architecture, (config, kind, size) in wanted("hugging-face", HUGGING_FACE):
        config.num_labels = CLASSES
        with tempfile.TemporaryDirectory() as folder:
            # Hugging Face saves by other names than those of its modules: what counts is the file.
            kind(config).save_pretrained(folder)
            file = pathlib.Path(folder) / "model.safetensors"
            state, shapes = fill(safetensors.torch.load_file(file))
            safetensors.torch.save_file(state, file, metadata={"format": "pt"})
            model = kind.from_pretrained(folder).double().eval()
        with torch.inference_mode():
            logits = model(pixel_values=tiles(size)).logits
        write(out, "hugging-face", architecture, size, shapes, logits)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(pathlib.Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
