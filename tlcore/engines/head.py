"""A converted backbone with a trained head on it, put together without converting anything again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as operations

from tlcore.engines.openvino import save
from tlcore.engines.protocol import EMBEDDING, FEATURE_MAP


def save_with_head(
    network: Path, kernel: NDArray[np.float32], bias: NDArray[np.float32], path: Path, probabilities: str
) -> None:
    """Writes the network of a frozen run: pictures in; probabilities, embedding and last feature map out.

    Args:
        network: The converted backbone (.xml), with the outputs "embedding" and "feature_map".
        kernel: Of the dense layer, shape (channels, outputs); one output is a sigmoid for the second of two classes,
            more are a softmax.
        bias: Of the dense layer, shape (outputs,).
        path: The file to write (.xml).
        probabilities: Name of the output with a probability for each class.

    Raises:
        RuntimeError: The network is damaged, or lacks an output.
        WorkspaceError: The files can't be written.
    """
    backbone = ov.Core().read_model(network)
    embedding, feature_map = backbone.output(EMBEDDING), backbone.output(FEATURE_MAP)
    source = embedding.get_node().input_value(0)
    values = operations.add(
        operations.matmul(source, operations.constant(kernel.astype(np.float32)), False, False),
        operations.constant(bias.astype(np.float32)),
    )
    if kernel.shape[1] == 1:
        second = operations.sigmoid(values)
        first = operations.subtract(operations.constant(np.float32(1.0)), second)
        answer = operations.concat([first, second], axis=1)
    else:
        answer = operations.softmax(values, axis=1)
    answer.output(0).get_tensor().set_names({probabilities})
    result = operations.result(answer.output(0))
    save(ov.Model([result, embedding.get_node(), feature_map.get_node()], backbone.get_parameters()), path)
