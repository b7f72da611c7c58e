"""`caches`."""

from __future__ import annotations

from typing import Any, get_args

import click

from tlcore.caches.budget import clear, list_items, room, used
from tlcore.caches.holdings import CacheKind
from tlcore.cli.output import ListByDefault, answers, table
from tlcore.workspace import Workspace

_COLUMNS = ("kind", "title", "dataset", "MB", "last_used", "in_use")


def _describe(data: dict[str, Any]) -> str:
    rows = [
        item | {"MB": item["bytes"] / 1e6, "dataset": item["dataset"] or None, "in_use": item["in_use"] or None}
        for item in data["items"]
    ]
    total = f"{data['used_bytes'] / 1e9:.2f} of {data['budget_bytes'] / 1e9:.2f} GB are used"
    return f"{table(rows, _COLUMNS)}\n{total}; {data['room_bytes'] / 1e9:.2f} GB could be had for a training."


def _describe_cleared(data: dict[str, Any]) -> str:
    kept = f" {data['kept_in_use']} in use were kept." if data["kept_in_use"] else ""
    return f"{data['cleared']} removed, {data['bytes'] / 1e6:.1f} MB freed.{kept}"


@click.group(cls=ListByDefault)
def caches() -> None:
    """Show and clear what is kept to save time: pictures, features, converted networks, checkpoints of trainings."""


@caches.command("list")
@click.pass_obj
@answers(_describe)
def list_command(workspace: Workspace) -> dict[str, Any]:
    """Everything in the caches, least recently used first."""
    items = list_items(workspace)
    return {
        "budget_bytes": workspace.limits.cache_bytes,
        "used_bytes": used(items),
        "room_bytes": room(workspace),
        "items": [
            {
                "kind": item.kind,
                "title": item.title,
                "dataset": item.dataset,
                "bytes": item.bytes,
                "last_used": item.last_used.isoformat(timespec="seconds"),
                "in_use": item.in_use,
            }
            for item in items
        ],
    }


@caches.command("clear")
@click.option("--kind", "kinds", type=click.Choice(get_args(CacheKind)), multiple=True, help="Only these; repeatable.")
@click.option("--dataset", metavar="ID", help="Only what was made of this dataset's pictures.")
@click.pass_obj
@answers(_describe_cleared)
def clear_command(workspace: Workspace, kinds: tuple[CacheKind, ...], dataset: str | None) -> dict[str, Any]:
    """Remove what nobody uses. It costs time only: whatever is needed again is made again.

    Checkpoints go only where --kind names them: without them a training can't learn for longer.
    """
    cleared = clear(workspace, kinds or None, dataset)
    return {"cleared": cleared.items, "bytes": cleared.bytes, "kept_in_use": cleared.kept_in_use}
