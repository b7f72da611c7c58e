"""What a check of a dataset leaves: plain, frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")

Action = Literal["exclude", "move", "balance_weights"]


class FindingKind(StrEnum):
    """What can be wrong, the worst first: findings of one severity are told in this order."""

    SMALL_CLASS = "small_class"
    LEAK = "leak"
    TWO_CLASSES = "two_classes"
    LABEL = "label"
    UNREADABLE = "unreadable"
    BLANK = "blank"
    OUTLIER = "outlier"
    EXACT_COPIES = "exact_copies"
    IMBALANCE = "imbalance"
    NEAR_COPIES = "near_copies"
    TINY = "tiny"


class Item(BaseModel):
    """One case of a finding.

    Attributes:
        keys: Of the pictures that are shown together; empty where the case is a class. For unreadable files their
            names: they are not in the dataset.
        note: What is the matter with them, in plain words.
        score: How sure the check is, 0..1, or None where it is a fact.
        suggestion: The class that they seem to belong to, or the class that the case is about.
        affected: Those of `keys` that the fix would leave out or move.
        classes: The class that each picture had when it was checked, parallel to `keys`.
    """

    model_config = ConfigDict(frozen=True)

    keys: tuple[str, ...]
    note: str
    score: float | None = None
    suggestion: str = ""
    affected: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


class Fix(BaseModel):
    """What one click does about a finding.

    Attributes:
        action: `exclude` leaves pictures out (they can be put back), `move` gives them another class,
            `balance_weights` is a setting of training and changes no picture.
        label: The words on the button.
        keys: Of the pictures that are left out or moved.
        classes: Where each of them goes, parallel to `keys`; empty unless they are moved.
    """

    model_config = ConfigDict(frozen=True)

    action: Action
    label: str
    keys: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


class Finding(BaseModel):
    """One thing that is wrong with a dataset.

    Attributes:
        kind: What it is.
        severity: How much it matters.
        title: What was found, in a sentence with its numbers.
        cost: What ignoring it costs.
        items: The cases, the clearest first.
        fix: What one click can do about it, or None.
    """

    model_config = ConfigDict(frozen=True)

    kind: FindingKind
    severity: Severity
    title: str
    cost: str
    items: tuple[Item, ...]
    fix: Fix | None = None


class Audit(BaseModel):
    """The check of one state of a dataset.

    Attributes:
        dataset_id: Which dataset.
        version: Of the dataset.
        fingerprint: Of the dataset; another one now means that something changed since.
        created: When it was made.
        pictures: How many were looked at.
        seconds: Spent, by kind of work.
        findings: The worst first.
        contents: SHA-256 of the pictures that findings name, by key: a new import may give a name to another picture.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = 1
    dataset_id: str
    version: int
    fingerprint: str
    created: datetime
    pictures: int
    seconds: Mapping[str, float]
    findings: tuple[Finding, ...]
    contents: Mapping[str, str] = {}
