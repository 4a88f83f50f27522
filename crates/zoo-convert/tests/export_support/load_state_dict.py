"""Loads a safetensors file into a network of torchvision, strictly, and runs it.

load_state_dict.py NETWORK CLASSES WEIGHTS INPUT DIMS OUTPUT

INPUT is a file of float32 of the shape DIMS, and the logits go to OUTPUT as such. Ends with 77
where a package is missing.
"""

import sys

try:
    import numpy
    import torch
    import torchvision
    from safetensors.torch import load_file
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)

network, classes, weights, source, dims, output = sys.argv[1:]
options = {"aux_logits": False} if network in ("inception_v3", "googlenet") else {}
options.update({"init_weights": False} if options else {})
model = torchvision.models.get_model(network, weights=None, num_classes=int(classes), **options)
model.load_state_dict(load_file(weights), strict=True)
model.eval()
x = numpy.fromfile(source, numpy.float32).reshape([int(dim) for dim in dims.split(",")])
with torch.no_grad():
    model(torch.from_numpy(x)).numpy().tofile(output)
