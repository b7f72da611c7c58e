"""The measurement itself: what is planted is there, and figures are what they say."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.audit import compare, summarise
from benchmarks.planting import Pair, Planted, plant
from tlcore.audit.findings import Audit, FindingKind, Item
from tlcore.audit.words import make_finding


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("source")
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (root / name).mkdir()
        for number in range(40):
            pixels = random.integers(0, 256, (30, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{name}.{number}.jpg")
    return root


def test_what_is_planted_is_there(source: Path, tmp_path: Path) -> None:
    planted = plant(source, tmp_path / "one", seed=3)
    files = {path.relative_to(tmp_path / "one").as_posix() for path in (tmp_path / "one").rglob("*.jpg")}
    assert len(files) == 80 + 10 + 10 + 3
    for pair in planted.exact:
        assert (tmp_path / "one" / pair.original).read_bytes() == (tmp_path / "one" / pair.copy).read_bytes()
    for pair in planted.near:
        assert pair.original.split("/")[0] != pair.copy.split("/")[0]
        with Image.open(tmp_path / "one" / pair.original) as large, Image.open(tmp_path / "one" / pair.copy) as small:
            assert small.width < large.width
    for name in planted.swapped:
        assert name.split("/")[1] != Path(name).name.removeprefix("moved-").split(".")[0]
    for name in planted.truncated:
        with pytest.raises(OSError, match=r"(?i)truncated"), Image.open(tmp_path / "one" / name) as cut:
            cut.load()
    assert {*planted.swapped, *planted.truncated, *planted.blank} <= files
    assert plant(source, tmp_path / "two", seed=3) == planted
    assert plant(source, tmp_path / "three", seed=4) != planted
    shutil.rmtree(tmp_path / "one")


def test_figures_count_what_was_found_and_what_was_not() -> None:
    planted = Planted([Pair("a", "b")], [Pair("c", "d"), Pair("e", "f")], ["g", "h"], ["i"], ["j"])

    def items(*keys: tuple[str, ...]) -> list[Item]:
        return [Item(keys=one, note="", affected=one[-1:]) for one in keys]

    audit = Audit(
        dataset_id="my/x",
        version=1,
        fingerprint="",
        created=datetime.now(UTC),
        pictures=9,
        seconds={},
        findings=(
            make_finding(FindingKind.EXACT_COPIES, items(("a", "b")), 9),
            make_finding(FindingKind.LEAK, items(("c", "d")), 9),
            make_finding(FindingKind.NEAR_COPIES, items(("x", "y")), 9),
            make_finding(FindingKind.LABEL, items(("g",), ("z",), ("h",)), 9),
        ),
    )
    figures = compare(planted, audit, rejected=["i"])
    assert (figures["exact"]["recall"], figures["exact"]["precision"]) == (1, 1)
    assert (figures["near"]["recall"], figures["near"]["precision"]) == (0.5, 0.5)
    assert figures["near"]["unplanted"] == [("x", "y")]
    assert figures["labels"]["first_20"] == 2
    assert figures["labels"]["precision"] == pytest.approx(2 / 3)
    assert figures["truncated"]["recall"] == 1
    assert (figures["blank"]["recall"], figures["blank"]["precision"]) == (0, None)
    means = summarise([figures | {"seconds": {"check": 2.0}}, figures | {"seconds": {"check": 4.0}}])
    assert means["near"] == {"recall": 0.5, "precision": 0.5, "unplanted_named": 1}
    assert means["blank"]["precision"] is None
    assert means["seconds"] == 3
