"""Writes keras.h5: a convolution, a depthwise one, a batch norm and a matrix, as Keras stores them,
each number its own index in the file's order.

Needs keras with the torch backend, h5py, numpy.

    KERAS_BACKEND=torch python keras_layers.py keras.h5
"""

import sys

import h5py
import keras
import numpy
from keras.src.legacy.saving import legacy_h5_format

layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((5, 4, 2)),
        layers.Conv2D(3, (2, 1), name="conv"),
        layers.DepthwiseConv2D((1, 2), depth_multiplier=2, name="depthwise"),
        layers.BatchNormalization(name="norm"),
        layers.Flatten(name="flatten"),
        layers.Dense(2, name="dense"),
    ]
)
for weight in model.weights:
    count = int(numpy.prod(weight.shape))
    weight.assign(numpy.arange(count, dtype="float32").reshape(weight.shape))
with h5py.File(sys.argv[1], "w") as file:
    legacy_h5_format.save_weights_to_hdf5_group(file, model)
print({weight.path: tuple(weight.shape) for weight in model.weights})
