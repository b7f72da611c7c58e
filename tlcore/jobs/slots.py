"""Slots that all workspaces of a host share: one training for each GPU or the processor, and light jobs beside it.

A slot is a lock file. Whoever starts a worker takes it and hands it over locked, so it is held for the worker's whole
life, never by two at once, and free the moment the worker's process ends, however that happens.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tlcore.devices import describe_host
from tlcore.jobs.kinds import SLOTS, Slot
from tlcore.locks import take_open

_CARDS: Final = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class HeldSlot:
    """A slot that this process has taken.

    Attributes:
        descriptor: The locked file, for the worker to inherit; None where nobody shares the host, so nothing is locked.
        environment: Variables for the worker: which of several graphics cards is its own.
    """

    descriptor: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def inherited(self) -> tuple[int, ...]:
        """What a worker has to inherit."""
        return () if self.descriptor is None else (self.descriptor,)

    def release(self) -> None:
        """Lets go of it here; it stays taken while a worker holds it."""
        if self.descriptor is not None:
            os.close(self.descriptor)


def slot_counts() -> Mapping[Slot, int]:
    """How many jobs of each slot may run at once on this machine, whoever they belong to."""
    return {**SLOTS, "train": max(len(_cards()), 1)}


def take_slot(host: Path, slot: Slot, count: int) -> HeldSlot | None:
    """A free slot, taken from now on; None when all of them are in use.

    Args:
        host: The folder that the workspaces share.
        slot: Which kind.
        count: How many there are of it.
    """
    for number in range(count):
        path = slot_path(host, slot, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = take_open(path)
        if descriptor is not None:
            return HeldSlot(descriptor, _own_card(number) if slot == "train" else {})
    return None


def slot_path(host: Path, slot: Slot, number: int) -> Path:
    """The lock file of a slot."""
    return host / "slots" / f"{slot}-{number}"


def _cards() -> tuple[str, ...]:
    """The graphics cards that trainings may use, as CUDA names them."""
    facts = describe_host()
    if not facts.trains_on_gpu:
        return ()
    chosen = os.environ.get(_CARDS)
    if chosen is None:
        return tuple(str(number) for number in range(len(facts.gpus)))
    return tuple(name for name in chosen.split(",") if name.strip())


def _own_card(number: int) -> dict[str, str]:
    cards = _cards()
    return {_CARDS: cards[number]} if len(cards) > 1 else {}
