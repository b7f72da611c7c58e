"""The race between two engines whose speeds are known: by a clock that only they move."""

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from tlcore.config import ComputeConfig
from tlcore.engines import race as racing
from tlcore.engines.choosing import choose
from tlcore.engines.protocol import EMBEDDING, EngineChoice
from tlcore.engines.race import made_up_pictures, relative_difference, run_race


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(racing, "time", made)
    return made


class Walker:
    """An engine that takes so many seconds a picture, and is off by a share."""

    name = "openvino"
    note = ""

    def __init__(self, clock: Clock, seconds: float, off: float = 0.0) -> None:
        choice = choose(None, ComputeConfig(engine="tensorflow"), on_gpu=False)
        assert choice is not None
        self.choice: EngineChoice = choice
        self.seen = 0
        self._clock = clock
        self._seconds = seconds
        self._off = off

    def extract(
        self, batches: Iterable[NDArray[np.uint8]], outputs: tuple[str, ...] = (EMBEDDING,)
    ) -> Iterator[tuple[NDArray[np.float32], ...]]:
        for batch in batches:
            self._clock.now += self._seconds * len(batch)
            self.seen += len(batch)
            answer = batch.mean(axis=(1, 2), dtype=np.float32)
            yield tuple(answer * np.float32(1 + self._off) for _ in outputs)


def test_the_faster_engine_is_seen_to_be_faster(clock: Clock) -> None:
    quick, slow = Walker(clock, 0.001), Walker(clock, 0.004)
    race = run_race(quick, slow, made_up_pictures(16), (EMBEDDING,))
    assert (race.openvino, race.tensorflow) == pytest.approx((1000, 250))
    assert race.parity == 0


def test_a_slow_network_does_not_run_all_pictures(clock: Clock) -> None:
    slow, slower = Walker(clock, 0.09), Walker(clock, 0.3)
    run_race(slow, slower, made_up_pictures(16), (EMBEDDING,))
    assert (slow.seen, slower.seen) == (4 + 4 + 11, 4 + 4 + 4)  # two looks, and what fits into a second


def test_disagreement_is_told(clock: Clock) -> None:
    race = run_race(Walker(clock, 0, off=0.05), Walker(clock, 0), made_up_pictures(16, 8), ("feature_map", EMBEDDING))
    assert race.parity == pytest.approx(0.05, rel=0.01)


def test_what_is_no_number_is_no_agreement() -> None:
    ones = np.ones((2, 3), dtype=np.float32)
    assert relative_difference(ones, ones) == 0
    assert relative_difference(ones, 2 * ones) == 0.5
    assert relative_difference(ones * np.nan, ones) == 1e9
    assert relative_difference(ones, ones * np.inf) == 1e9


def test_made_up_pictures_are_always_the_same_and_all_different() -> None:
    pictures = made_up_pictures(32, 5)
    assert pictures.shape == (5, 32, 32, 3)
    assert np.array_equal(pictures, made_up_pictures(32, 5))
    assert len({picture.tobytes() for picture in pictures}) == 5
    assert pictures.std() > 20
