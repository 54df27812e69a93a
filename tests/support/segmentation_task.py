"""A segmentation task file as users give: MediaPipe's form and labels, with a network that tells classes by colour."""

import importlib
from pathlib import Path

import numpy as np

LABELS = ("background", "hair", "body-skin", "face-skin", "clothes", "others (accessories)")
SIDE = 256
CONV_2D, SOFTMAX, FLOAT32 = 3, 25, 0  # of TensorFlow Lite's schema


def write_task(
    path: Path, colours: dict[str, tuple[int, int, int]], labels: tuple[str, ...] = LABELS
) -> None:
    """Write a network whose class is the nearest of some colours.

    A 1 x 1 convolution gives minus the squared distance to each colour, less what all classes share.

    Args:
        path: File to write.
        colours: Of each label; labels without one never win.
        labels: Names of the classes.
    """
    far = (10_000, 10_000, 10_000)
    # The network sees pixels as -1..1.
    wanted = np.array([colours.get(label, far) for label in labels], np.float32) / 127.5 - 1
    sharpness = 40.0
    weights, bias = 2 * sharpness * wanted, -sharpness * (wanted**2).sum(1)
    model = _model(weights.astype(np.float32), bias.astype(np.float32))
    writers = importlib.import_module("mediapipe.tasks.python.metadata.metadata_writers.image_segmenter")
    common = importlib.import_module("mediapipe.tasks.python.metadata.metadata_writers.metadata_writer")
    writer = writers.MetadataWriter.create(
        bytearray(model), [127.5], [127.5], common.Labels().add(list(labels))
    )
    path.write_bytes(writer.populate()[0])


def _model(weights: np.ndarray, bias: np.ndarray) -> bytes:
    schema = importlib.import_module("mediapipe.tasks.metadata.schema_py_generated")
    flatbuffers = importlib.import_module("flatbuffers")
    count = len(bias)

    def tensor(name: str, shape: list[int], buffer: int) -> object:
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name.encode(), shape, FLOAT32, buffer
        return made

    def buffer(values: np.ndarray | None) -> object:
        made = schema.BufferT()
        made.data = None if values is None else np.frombuffer(values.tobytes(), np.uint8)
        return made

    def operator(code: int, inputs: list[int], outputs: list[int], kind: int, options: object) -> object:
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = code, inputs, outputs
        made.builtinOptionsType, made.builtinOptions = kind, options
        return made

    convolution, softmax = schema.Conv2DOptionsT(), schema.SoftmaxOptionsT()
    convolution.strideW = convolution.strideH = 1
    convolution.dilationWFactor = convolution.dilationHFactor = 1
    softmax.beta = 1.0
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor("picture", [1, SIDE, SIDE, 3], 0),
        tensor("weights", [count, 1, 1, 3], 1),
        tensor("bias", [count], 2),
        tensor("logits", [1, SIDE, SIDE, count], 0),
        tensor("classes", [1, SIDE, SIDE, count], 0),
    ]
    graph.inputs, graph.outputs = [0], [4]
    options = schema.BuiltinOptions
    graph.operators = [
        operator(0, [0, 1, 2], [3], options.Conv2DOptions, convolution),
        operator(1, [3], [4], options.SoftmaxOptions, softmax),
    ]
    codes = []
    for code in (CONV_2D, SOFTMAX):
        made = schema.OperatorCodeT()
        made.builtinCode = made.deprecatedBuiltinCode = code
        made.version = 1
        codes.append(made)
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, codes, [graph]
    model.buffers = [buffer(None), buffer(weights.reshape(count, 1, 1, 3)), buffer(bias)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
