"""How much may come in from outside, and how much one person may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MEBIBYTE: Final = 1024**2
GIBIBYTE: Final = 1024**3
UNBOUNDED: Final = 10**15
"""More bytes than any disk has: nothing is measured where that is the limit."""


@dataclass(frozen=True)
class Limits:
    """How much may come in from outside. One place, so that a stricter workspace changes one object.

    Attributes:
        archive_bytes: Size of an uploaded archive, in bytes.
        expanded_bytes: Size of everything in an archive or folder once expanded, in bytes.
        expansion_ratio: Expanded size over packed size, of one archive member and of all together; a photo never
            compresses a hundredfold.
        harmless_bytes: Size up to which a member's ratio is not looked at, in bytes: a plain BMP packs a thousandfold.
        pictures: Number of pictures in one dataset.
        picture_bytes: Size of one encoded picture, in bytes.
        picture_pixels: Width times height of one picture. 50 megapixels is a large camera; decoded it takes 150 MB.
        path_length: Length of a path inside an archive or folder, in characters.
        path_depth: Folders above a picture inside an archive or folder.
        decode_seconds: Time that decoding one picture may take.
        decode_bytes: Address space of the decoding process, in bytes.
        cache_bytes: What all caches together may take on the disk; those used least recently make way.
        workspace_bytes: What everything else in the workspace may take, before more is let in. Jobs that are let in
            together may exceed it by what each of them brings, which the limits of archives and jobs bound.
        datasets: Number of people's own datasets in the workspace.
        versions: Versions of a dataset that are kept with their pictures, the current one among them.
        runs: Trainings that are kept, those in the bin among them.
        epochs: Epochs of each phase of a training.
        image_size: Side of the pictures that a training works on, in pixels.
        batch_size: Pictures that a training works on at a time.
        jobs: Jobs of this workspace that may be queued or at work at the same time.
        jobs_in_all: The same of all workspaces that share a host.
        workspaces: Throw-away workspaces that a host has at the same time.
    """

    archive_bytes: int = 2 * GIBIBYTE
    expanded_bytes: int = 8 * GIBIBYTE
    expansion_ratio: float = 100.0
    harmless_bytes: int = MEBIBYTE
    pictures: int = 100_000
    picture_bytes: int = 100 * MEBIBYTE
    picture_pixels: int = 50_000_000
    path_length: int = 400
    path_depth: int = 8
    decode_seconds: float = 20.0
    decode_bytes: int = 2 * GIBIBYTE
    cache_bytes: int = 20_000_000_000
    workspace_bytes: int = UNBOUNDED
    datasets: int = 10_000
    versions: int = 50
    runs: int = 100_000
    epochs: int = 10_000
    image_size: int = 2048
    batch_size: int = 4096
    jobs: int = 10_000
    jobs_in_all: int = 100_000
    workspaces: int = 100_000

    @property
    def members(self) -> int:
        """Files of any kind in an archive or folder, so that lists of what was left out stay bearable."""
        return 4 * self.pictures

    @property
    def table_bytes(self) -> int:
        """Size of an archive's table of contents. It is held in memory, some 600 bytes an entry of at least 47."""
        return max(MEBIBYTE, 500 * self.pictures)


LOCAL: Final = Limits()

TEAM: Final = Limits(
    # People who know each other share a machine: generous, but nobody fills the disk or the queue by mistake.
    cache_bytes=5_000_000_000,
    workspace_bytes=50_000_000_000,
    datasets=200,
    runs=1000,
    epochs=1000,
    image_size=1024,
    batch_size=1024,
    jobs=50,
    jobs_in_all=500,
)

DEMO: Final = Limits(
    # A small shared machine (3 GB of memory, 2 cores) that strangers use at the same time.
    archive_bytes=200 * MEBIBYTE,
    expanded_bytes=500 * MEBIBYTE,
    pictures=5_000,
    picture_bytes=20 * MEBIBYTE,
    picture_pixels=25_000_000,
    path_length=200,
    path_depth=6,
    decode_seconds=10.0,
    decode_bytes=GIBIBYTE,
    cache_bytes=1_000_000_000,
    workspace_bytes=2_000_000_000,
    datasets=5,
    versions=3,  # every import in another one's place keeps the pictures of those before
    runs=30,
    epochs=20,
    image_size=260,  # of the largest built-in backbone
    batch_size=64,
    jobs=3,
    jobs_in_all=30,
    workspaces=100,
)
