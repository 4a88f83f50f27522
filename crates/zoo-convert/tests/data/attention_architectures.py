"""Writes attention_architectures.json: how many parameters torchvision's networks have, and the
sha256 of their names and shapes, one `name [length, ...]` a line, sorted. Counters of batches are
left out. Needs torch and torchvision.

    python attention_architectures.py > attention_architectures.json
"""

import hashlib
import json

import torch
import torchvision

NAMES = [
    *["vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14"],
    *["convnext_tiny", "convnext_small", "convnext_base", "convnext_large"],
    *["swin_t", "swin_s", "swin_b", "swin_v2_t", "swin_v2_s", "swin_v2_b", "maxvit_t"],
]
LARGER = {"vit_b_16": 384, "vit_l_16": 512, "vit_h_14": 518}


def parameters(name, **options):
    with torch.device("meta"):
        state = torchvision.models.get_model(name, weights=None, **options).state_dict()
    lines = sorted(
        f"{name} {list(tensor.shape)}\n"
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    )
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    return {"parameters": len(lines), "sha256": digest}


found = {name: parameters(name) for name in NAMES}
for name, size in LARGER.items():
    found[f"{name}_{size}"] = parameters(name, image_size=size)
print(json.dumps(found, indent=1))
