"""The history of a run as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from tlcore.training.history import EpochRow


def history_csv(rows: Iterable[EpochRow]) -> str:
    """One line for each epoch, under the names of `EpochRow`."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(EpochRow.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.model_dump(mode="json") for row in rows)
    return out.getvalue()
