"""Checks an ONNX file and runs it in ONNX Runtime.

run_onnx.py MODEL OUTPUTS NAME:TYPE:DIMS:FILE...

Each further argument is an input: its name, NumPy type, lengths with commas, and a file of its
elements. All outputs go to OUTPUTS as float32, one after the other. Ends with 77 where a package
is missing.
"""

import sys

try:
    import numpy
    import onnx
    import onnxruntime
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)

model, outputs, *inputs = sys.argv[1:]
onnx.checker.check_model(model, full_check=True)
feed = {}
for given in inputs:
    name, dtype, dims, path = given.rsplit(":", 3)
    feed[name] = numpy.fromfile(path, dtype).reshape([int(dim) for dim in dims.split(",")])
options = onnxruntime.SessionOptions()
options.log_severity_level = 3
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
# A declared shape that is wrong must not pass.
declared = session.get_outputs()
results = session.run(None, feed)
for info, result in zip(declared, results):
    assert len(info.shape) == result.ndim, (info.name, info.shape, result.shape)
    for length, found in zip(info.shape, result.shape):
        assert not isinstance(length, int) or length == found, (info.name, info.shape, result.shape)
with open(outputs, "wb") as file:
    for result in results:
        result.astype(numpy.float32).tofile(file)
