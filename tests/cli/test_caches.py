"""`caches` as scripts call it."""

from __future__ import annotations

import pytest

from tests.caches.made_rows import Maker, made_hashes, made_recipe
from tests.cli.calling import tlcore
from tlcore.caches import Kind, fill, open_cache
from tlcore.progress import Silence
from tlcore.workspace import Workspace

HASHES = made_hashes(50)


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    kinds: tuple[Kind, ...] = ("images", "features")
    for dataset in ("my/pets", "my/birds"):
        for kind in kinds:
            with open_cache(workspace, made_recipe(kind, dataset)) as cache:
                fill(workspace, [cache], HASHES, Maker([cache.recipe], HASHES), Silence())
    return workspace


def test_the_list_tells_what_is_held_and_what_there_is_room_for(filled: Workspace) -> None:
    with open_cache(filled, made_recipe("images", "my/pets")):
        listed = tlcore(filled.root, "caches", "--json").json
        shown = tlcore(filled.root, "caches", "list")

    assert set(listed) == {"budget_bytes", "used_bytes", "room_bytes", "items"}
    assert listed["budget_bytes"] == filled.limits.cache_bytes
    assert listed["used_bytes"] == sum(item["bytes"] for item in listed["items"])
    assert 0 < listed["room_bytes"] <= listed["budget_bytes"] - 50 * (3072 + 32)
    assert {(item["kind"], item["dataset"], item["in_use"]) for item in listed["items"]} == {
        ("features", "my/birds", False),
        ("features", "my/pets", False),
        ("images", "my/birds", False),
        ("images", "my/pets", True),
    }
    assert shown.status == 0
    assert "features of my/birds" in shown.out
    assert "of 20.00 GB are used" in shown.out


def test_clearing_by_kind_and_dataset(filled: Workspace) -> None:
    assert tlcore(filled.root, "caches", "clear", "--kind", "images", "--dataset", "my/pets", "--json").json == {
        "cleared": 1,
        "bytes": 50 * (3072 + 32),
        "kept_in_use": 0,
    }
    with open_cache(filled, made_recipe("features", "my/birds")):
        rest = tlcore(filled.root, "caches", "clear")
    assert "2 removed" in rest.out
    assert "1 in use" in rest.out
    assert len(tlcore(filled.root, "caches", "--json").json["items"]) == 1


def test_an_unknown_kind_is_refused_with_the_choices(workspace: Workspace) -> None:
    ran = tlcore(workspace.root, "caches", "clear", "--kind", "everything", "--json")
    assert ran.status == 2
    assert "'trunk'" in ran.json["error"]["text"]
    assert "Nothing yet" in tlcore(workspace.root, "caches").out


def test_an_impossible_budget_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLCORE_CACHE_GB", "2.5")
    assert tlcore(workspace.root, "caches", "--json").json["budget_bytes"] == 2_500_000_000
    monkeypatch.setenv("TLCORE_CACHE_GB", "much")
    refused = tlcore(workspace.root, "caches", "--json")
    assert refused.status == 2
    assert "TLCORE_CACHE_GB" in refused.json["error"]["text"]
