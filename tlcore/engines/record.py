"""What is kept beside a converted network: whether it is whole, and how the race between the engines ended."""

from __future__ import annotations

import hashlib
import logging
import os
import platform
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tlcore.devices import cpu_name
from tlcore.files import write_text

log = logging.getLogger(__name__)


class Race(BaseModel):
    """Both engines on the same pictures, on one machine.

    Attributes:
        openvino, tensorflow: Pictures a second.
        parity: Largest difference of the embeddings at float32, relative to their largest value.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    openvino: float
    tensorflow: float
    parity: float


class KeptNetwork(BaseModel):
    """The record of one network on one machine.

    Attributes:
        machine: Where the race was run: on another machine it is run again.
        digest: SHA-256 of the converted network's two files; "" where there is no converted network.
        refusal: Why OpenVINO can't convert it; "" where it can, or was never asked.
        tensorflow_precision: What TensorFlow computes in here.
        race: How the engines compared; None where there was nothing to compare.
    """

    model_config = ConfigDict(frozen=True)

    machine: str
    digest: str = ""
    refusal: str = ""
    tensorflow_precision: Literal["float32", "mixed_float16"] = "float32"
    race: Race | None = None

    @property
    def settled(self) -> bool:
        """Whether OpenVINO was tried: only then a choice can be made by it."""
        return self.race is not None or bool(self.refusal)


def write_record(network: Path, record: KeptNetwork) -> None:
    """Writes the record of the network at `network` (.xml); do it last, because a network without one is made anew.

    Raises:
        OSError: The disk is full or can't be written.
    """
    write_text(network.with_suffix(".json"), record.model_dump_json(indent=2) + "\n")


def read_record(network: Path) -> KeptNetwork | None:
    """The record of the network at `network` (.xml), if it was made on this machine and its files are there.

    A damaged one is as good as none: whatever it tells can be found out again.
    """
    try:
        record = KeptNetwork.model_validate_json(network.with_suffix(".json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        log.warning("The record of %s can't be read and is made anew: %s", network.name, error)
        return None
    if record.machine != this_machine():
        return None
    if record.digest and not all(part.is_file() for part in _parts(network)):
        return None
    return record


def digest_of(network: Path) -> str:
    """SHA-256 over both files of a converted network; "" where one is missing.

    A network whose weights are cut off would kill the process when it is read through a mapping, and one with flipped
    bits would answer nonsense: hence a look at every byte, which takes 0.01 s for 17 MB.
    """
    total = hashlib.sha256()
    try:
        for part in _parts(network):
            with part.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    except FileNotFoundError:
        return ""
    return total.hexdigest()


def this_machine() -> str:
    """What decides which engine is faster, besides the network."""
    return f"{platform.machine()} {cpu_name()} {os.cpu_count()}"


def _parts(network: Path) -> tuple[Path, Path]:
    return network, network.with_suffix(".bin")
