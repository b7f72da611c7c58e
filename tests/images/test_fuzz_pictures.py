"""Real picture files of every format, mutated: each is read or refused with a reason, and nothing else happens."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tlcore.errors import PictureError
from tlcore.images.decode import load_picture
from tlcore.images.guard import GuardedDecoder
from tlcore.workspace import Limits

CASES_PER_FORMAT = 300
FORMATS = ("jpeg", "png", "webp", "gif", "bmp", "tiff", "heic", "avif")


@pytest.fixture(scope="module")
def seeds(
    odd_kinds: dict[str, Any], photos: dict[str, NDArray[np.uint8]], encode: Callable[..., bytes]
) -> dict[str, list[bytes]]:
    """Real files by format: every odd kind, and photos."""
    found: dict[str, list[bytes]] = {name: [] for name in FORMATS}
    for name, kind in odd_kinds.items():
        found[name.split("-")[0]].append(kind.data)
    for photo in photos.values():
        image = Image.fromarray(photo[:160, :200])
        for name in FORMATS:
            found[name].append(encode(image, "HEIF" if name == "heic" else name.upper()))
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FORMATS)
def test_every_mutated_picture_is_read_or_refused_with_a_reason(
    name: str,
    seeds: dict[str, list[bytes]],
    mutate: Callable[..., bytes],
    fuzz_rounds: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = Limits()
    cases = CASES_PER_FORMAT * fuzz_rounds
    others = [data for kinds in seeds.values() for data in kinds]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    outcomes: Counter[str] = Counter()
    with GuardedDecoder(limits) as decoder:
        for case in range(cases):
            dice = random.Random(f"{name}-{case}")  # noqa: S311 - repeatable, not secret
            data = mutate(dice, dice.choice(seeds[name]), others)
            try:
                facts = decoder.inspect(data)
            except PictureError as error:
                assert error.hint, (name, case)  # noqa: PT017 - a refusal is one of two right answers
                assert "Traceback" not in str(error), (name, case)  # noqa: PT017
                outcomes[error.what] += 1
                continue
            outcomes["read"] += 1
            assert 0 < facts.width * facts.height <= limits.picture_pixels, (name, case)
            assert len(facts.look) == 264, (name, case)
            # What was let in is decoded in the training process without a guard, and has to be the same there.
            assert np.array_equal(decoder.load(data, 24), load_picture(data, 24, limits)), (name, case)
        assert decoder.inspect(seeds["jpeg"][0]).width == 96
    assert list(tmp_path.iterdir()) == []
    assert sum(outcomes.values()) == cases
    assert outcomes["read"] > 0
    assert outcomes.total() - outcomes["read"] > cases / 10
    # A decoder that crashes costs its process; few files may do that, or imports of broken archives take for ever.
    assert outcomes["The picture makes its decoder crash, or takes too much memory"] <= cases / 50
    if fuzz_rounds > 1:
        print(name, dict(outcomes))  # noqa: T201 - for whoever asks for more rounds
