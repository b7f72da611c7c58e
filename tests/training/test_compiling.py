import keras
import numpy as np
import pytest

from tlcore.config import OptimizerConfig, RunConfig
from tlcore.training.compiling import class_weights, make_optimizer, probabilities, targets

LABELS = np.array([0, 0, 0, 1], dtype=np.int32)
SIGMOID = RunConfig.build(dataset="x", head={"activation": "sigmoid"})


def test_targets_follow_the_head() -> None:
    assert targets(LABELS, 2, RunConfig(dataset="x")).tolist() == [[1, 0], [1, 0], [1, 0], [0, 1]]
    assert targets(LABELS, 2, SIGMOID).tolist() == [[0], [0], [0], [1]]


def test_one_sigmoid_output_becomes_two_probabilities() -> None:
    assert probabilities(np.array([[0.25]], dtype=np.float32)).tolist() == [[0.75, 0.25]]
    softmax = np.array([[0.2, 0.8]], dtype=np.float32)
    assert probabilities(softmax) is softmax


def test_balanced_weights_make_classes_count_the_same() -> None:
    balanced = RunConfig.build(dataset="x", class_weights="balanced")
    weights = class_weights(LABELS, 2, balanced)
    assert weights is not None
    assert 3 * weights[0] == pytest.approx(1 * weights[1])
    assert class_weights(LABELS, 2, RunConfig(dataset="x")) is None


@pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop"])
def test_cosine_ends_at_zero_and_constant_does_not(name: str) -> None:
    cosine = make_optimizer(OptimizerConfig.model_validate({"name": name, "schedule": "cosine"}), 0.1, steps=10)
    variable = keras.Variable([1.0])
    rates = []
    for _ in range(10):
        rates.append(float(cosine.learning_rate))
        cosine.apply([keras.ops.ones(1)], [variable])
    assert rates[0] == pytest.approx(0.1)
    assert float(cosine.learning_rate) == pytest.approx(0, abs=1e-6)
    constant = make_optimizer(OptimizerConfig.model_validate({"name": name}), 0.1, steps=10)
    assert float(constant.learning_rate) == pytest.approx(0.1)


def test_momentum_is_read() -> None:
    optimizer = make_optimizer(OptimizerConfig.model_validate({"name": "sgd", "momentum": 0.5}), 0.1, steps=1)
    assert optimizer.momentum == 0.5
