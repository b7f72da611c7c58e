"""`Report`: everything that a finished run can say about itself, as data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from tlcore.config import Mode, RunConfig
from tlcore.training.cache_plan import CacheState
from tlcore.training.history import EpochRow, PhaseEpochs


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Score(_Record):
    """Mean cross-entropy and share of right answers on some pictures."""

    loss: float
    accuracy: float


class TestScore(Score):
    """A score on pictures that took no part in training.

    Attributes:
        count: Number of pictures.
        accuracy_ci95: Wilson's 95% interval of the accuracy, low and high.
    """

    __test__ = False  # pytest would take the name for a test case

    count: int
    accuracy_ci95: tuple[float, float]


class ClassScore(_Record):
    """How well one class is told from the others; `count` pictures were truly of it."""

    precision: float
    recall: float
    f1: float
    count: int


class Parameters(_Record):
    """Weights of the whole model, and those that learned in the last phase."""

    total: int
    trainable: int


class Seconds(_Record):
    """Where the time went: reading and preparing, features, training, evaluating; `total` holds the rest too."""

    total: float = 0.0
    prepare: float = 0.0
    features: float = 0.0
    train: float = 0.0
    evaluate: float = 0.0


class CacheUse(_Record):
    """Whether earlier work was found: "none" where nothing is cached.

    Attributes:
        images: Decoded pictures.
        features: What the frozen backbone says of each picture.
        trunk: The activations below the first layer that fine-tuning trains.
    """

    images: CacheState = "none"
    features: CacheState = "none"
    trunk: CacheState = "none"


class Artifacts(_Record):
    """Files that the run left, as paths."""

    model: str
    report: str


class Engine(_Record):
    """What computed.

    Attributes:
        features: "openvino" or "tensorflow": what ran the frozen backbone.
        predictions: "openvino", or "keras" where OpenVINO could not convert the model.
        device: CPU, or the GPUs, in words.
        precision: "float32" or "mixed_float16": what training computed in.
        precision_features: "float32", "bfloat16" or "mixed_float16": what the frozen part was computed in.
        speeds: Pictures a second of each engine in the race that chose one; None where there was no race.
        notes: Why, where there is something to say.
    """

    features: str
    predictions: Literal["openvino", "keras"]
    device: str
    precision: str
    precision_features: str = "float32"
    speeds: dict[str, float] | None = None
    notes: tuple[str, ...] = ()


class Agreement(_Record):
    """One way of computing the answers against another, on test pictures.

    Attributes:
        compared: Number of pictures.
        same_answer: Pictures with the same most probable class.
        largest_difference: Largest difference of any probability.
    """

    compared: int
    same_answer: int
    largest_difference: float


class DatasetUse(_Record):
    """Which pictures were used: the dataset's fingerprint and version, and how many went into each part.

    Attributes:
        test_dataset: The separate test set, where there is one.
        test_fingerprint: Of its pictures.
    """

    id: str
    name: str
    fingerprint: str
    version: int = 1
    train: int
    validation: int
    test: int
    test_dataset: str | None = None
    test_fingerprint: str = ""


class Report(_Record):
    """What a finished or stopped run leaves. The command line prints it; the Results page draws it.

    Attributes:
        baseline: On the test pictures before training.
        validation: On the validation pictures, with the weights that were kept.
        test: On the test pictures, with the weights that were kept.
        confusion: A row for each true class, a column for each answer, in the order of `class_names`.
        agreement: The bundle against the Keras model, on some test pictures.
        merged: The saved model against the kept trunk and the upper part that was trained on it, on every test picture;
            None where no trunk was kept.
        batch_size: Pictures a batch that training came down to: fewer than asked for where memory ran out.
        memory_bytes: Most anonymous memory that the worker was seen to use; None where the system does not tell.
        plan_notes: What was not kept for want of room, and what that cost.
        stopped_early: Why training ended before its last epoch: "" when it did not.
    """

    schema_version: Literal[1] = 1
    run_id: str
    state: Literal["completed", "stopped"]
    mode: Mode
    backbone: str
    class_names: tuple[str, ...]
    epochs: PhaseEpochs
    history: tuple[EpochRow, ...]
    baseline: Score
    validation: Score
    test: TestScore
    parameters: Parameters
    seconds: Seconds
    cache: CacheUse
    artifacts: Artifacts
    per_class: dict[str, ClassScore]
    confusion: tuple[tuple[int, ...], ...]
    engine: Engine
    agreement: Agreement | None
    merged: Agreement | None = None
    batch_size: int | None = None
    memory_bytes: int | None = None
    plan_notes: tuple[str, ...] = ()
    dataset: DatasetUse
    config: RunConfig
    stopped_early: str = ""
    created: datetime
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON document."""
        return self.model_dump(mode="json")

    def without_places(self) -> Report:
        """The report as it may leave this machine: its files are named as they lie beside it, not by where they are."""
        return self.model_copy(update={"artifacts": Artifacts(model="model.keras", report="report.json")})


class TestPicture(_Record):
    """One test picture and what the model said of it.

    Attributes:
        key: The picture's key in its dataset.
        index: Its index in that dataset (the external test set's, where there is one) when it was tested.
        sha256: Of its bytes; "" in reports of older programs.
        truth: Index of the true class.
        probabilities: One a class, summing to 1.
    """

    __test__ = False

    key: str
    index: int
    truth: int
    sha256: str = ""
    probabilities: Annotated[tuple[float, ...], Field(min_length=2)]

    @property
    def answer(self) -> int:
        """Index of the most probable class."""
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """Probability of the answer."""
        return max(self.probabilities)

    @property
    def right(self) -> bool:
        """Whether the answer is the truth."""
        return self.answer == self.truth


def write_test_pictures(
    path: Path,
    keys: list[str],
    hashes: list[str],
    indices: NDArray[np.int64],
    truth: NDArray[np.int32],
    probabilities: NDArray[np.float32],
) -> None:
    """Writes every test picture with its probabilities, as Parquet.

    Args:
        path: The file.
        keys: The pictures' keys, n of them.
        hashes: The SHA-256 of their bytes.
        indices: Their indices in the dataset, shape (n,).
        truth: Indices of the true classes, shape (n,).
        probabilities: Shape (n, classes).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "key": keys,
            "sha256": hashes,
            "index": indices,
            "truth": truth,
            "probabilities": list(probabilities.astype(np.float32)),
        }
    )
    pq.write_table(table, path)


def read_test_pictures(path: Path) -> list[TestPicture]:
    """The test pictures that `write_test_pictures` wrote, in the same order.

    Raises:
        FileNotFoundError: The run left none.
    """
    import pyarrow.parquet as pq

    return [TestPicture.model_validate(row) for row in pq.read_table(path).to_pylist()]
