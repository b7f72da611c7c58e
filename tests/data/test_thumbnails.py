from __future__ import annotations

from collections.abc import Callable

import pytest

from tlcore.data.thumbnails import thumbnail
from tlcore.errors import InputError, PictureError
from tlcore.images.guard import GuardedDecoder
from tlcore.workspace import Limits


def test_thumbnails_are_small_and_guarded(crop: Callable[..., bytes]) -> None:
    with GuardedDecoder(Limits()) as decoder:
        assert len(thumbnail(crop("cat", 0), 48, decoder)) < 2000
        with pytest.raises(InputError, match="1024"):
            thumbnail(crop("cat", 0), 5000, decoder)
        with pytest.raises(PictureError, match="not a picture"):
            thumbnail(b"words", 48, decoder)
