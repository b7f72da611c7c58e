"""Judging takes no more memory for many pictures than for few."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tlcore.engines.protocol import EMBEDDING
from tlcore.progress import Silence
from tlcore.training import judge as judging
from tlcore.training.judge import Judge

ROWS = np.random.default_rng(5).normal(size=(2500, 1280)).astype(np.float16)


class Kept:
    """Inputs of which the features of every part are kept."""

    def unchanged(self, of: Any, _part: Any) -> np.ndarray | None:
        return ROWS if of == EMBEDDING else None


class Assembled:
    def __init__(self) -> None:
        keras.utils.set_random_seed(3)
        features = keras.Input((1280,))
        self.head = keras.Model(features, keras.layers.Dense(2, activation="softmax")(features), name="head")


def test_kept_rows_go_through_a_few_megabytes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    forward = judging.forward

    def watched(model: Any) -> Any:
        run = forward(model)
        return lambda rows: seen.append(4 * rows.size) or run(rows)

    monkeypatch.setattr(judging, "forward", watched)
    made: Any = Assembled()
    inputs: Any = Kept()
    answers = Judge(made, None, inputs, Silence()).answers("test", network_trained=False)
    assert len(seen) > 3
    assert max(seen) <= 4 * 1024**2
    assert answers == pytest.approx(np.asarray(made.head(ROWS.astype(np.float32))), abs=1e-5)
