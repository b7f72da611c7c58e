"""Who uses an app, and what each way of using it allows. One variable, TLCORE_MODE, chooses.

local   one person, or people who may read this machine's folders anyway; no login; reached from this machine only
team    people who log in; each has a workspace of their own
demo    anybody; each browser session has a workspace of its own that is thrown away
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, get_args

from tlcore.errors import WorkspaceError
from tlcore.limits import DEMO, LOCAL, TEAM, Limits

MODE_VARIABLE: Final = "TLCORE_MODE"
SOURCES_VARIABLE: Final = "TLCORE_SOURCES"
CACHE_VARIABLE: Final = "TLCORE_CACHE_GB"
WORKSPACE_VARIABLE: Final = "TLCORE_WORKSPACE_GB"
MINUTES_VARIABLE: Final = "TLCORE_DEMO_MINUTES"
READY_VARIABLE: Final = "TLCORE_READY"
ADMINS_VARIABLE: Final = "TLCORE_ADMINS"
MEMBERS_VARIABLE: Final = "TLCORE_MEMBERS"

Mode = Literal["local", "team", "demo"]

_MOST_GB: Final = 1_000_000
_DEMO_MINUTES: Final = 60.0
_LEAST_MINUTES: Final = 5.0
_MOST_MINUTES: Final = 7 * 24 * 60.0


class Source(StrEnum):
    """Where pictures may come from."""

    TFDS = "tfds"
    KAGGLE = "kaggle"
    CAMERA = "camera"
    UPLOADS = "uploads"
    FOLDERS = "folders"

    @property
    def words(self) -> str:
        """What people call it."""
        return _SOURCE_WORDS[self]


_SOURCE_WORDS: Final = {
    Source.TFDS: "The catalogue of TensorFlow Datasets",
    Source.KAGGLE: "Kaggle",
    Source.CAMERA: "The camera",
    Source.UPLOADS: "Uploading pictures",
    Source.FOLDERS: "Importing folders of the computer where the app runs",
}


@dataclass(frozen=True)
class Policy:
    """What a mode allows.

    Attributes:
        limits: How much may come in, and how much one person may ask for.
        sources: Where pictures may come from, unless the operator says otherwise.
        possible: What else the operator may switch on.
        models_from_files: Whether models may be loaded from files that somebody brings.
        throws_away: Whether workspaces are removed once nobody uses them.
        shared_machine: Whether people share it who must not see what each other's is.
    """

    limits: Limits
    sources: frozenset[Source]
    possible: frozenset[Source] = frozenset()
    models_from_files: bool = True
    throws_away: bool = False
    shared_machine: bool = True


POLICIES: Final[Mapping[Mode, Policy]] = MappingProxyType(
    {
        "local": Policy(LOCAL, frozenset(Source), shared_machine=False),
        # Not Kaggle: everybody would fetch with one person's token. Folders are those that TLCORE_ROOTS names.
        "team": Policy(TEAM, frozenset(Source) - {Source.KAGGLE}),
        # Not the catalogue by itself: what it fetches stays on the disk when the visitor has long gone.
        "demo": Policy(
            DEMO,
            frozenset({Source.CAMERA, Source.UPLOADS, Source.FOLDERS}),
            frozenset({Source.TFDS}),
            models_from_files=False,
            throws_away=True,
        ),
    }
)


def mode_of(environment: Mapping[str, str]) -> Mode:
    """The mode that `$TLCORE_MODE` sets; local where it is unset.

    Raises:
        WorkspaceError: There is no such mode.
    """
    name = environment.get(MODE_VARIABLE) or "local"
    for mode in POLICIES:
        if mode == name:
            return mode
    raise WorkspaceError(
        f"The variable {MODE_VARIABLE} has an unknown value",
        value=name[:100],
        options=get_args(Mode),
        hint="Set it to one of these, or remove it.",
    )


def limits_of(environment: Mapping[str, str], mode: Mode) -> Limits:
    """The mode's limits, with `$TLCORE_CACHE_GB` for all caches together and `$TLCORE_WORKSPACE_GB` for the rest.

    Raises:
        WorkspaceError: A variable has an impossible value.
    """
    limits = POLICIES[mode].limits
    return replace(
        limits,
        cache_bytes=_bytes_of(environment, CACHE_VARIABLE, "all caches together", limits.cache_bytes),
        workspace_bytes=_bytes_of(environment, WORKSPACE_VARIABLE, "everything but caches", limits.workspace_bytes),
    )


def sources_of(environment: Mapping[str, str], mode: Mode) -> frozenset[Source]:
    """Where pictures may come from: those that `$TLCORE_SOURCES` lists, else the mode's.

    Raises:
        WorkspaceError: The variable lists something unknown, or what the mode can't allow.
    """
    text = environment.get(SOURCES_VARIABLE)
    policy = POLICIES[mode]
    if text is None:
        return policy.sources
    allowed = policy.sources | policy.possible
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in allowed:
            raise WorkspaceError(
                f"The variable {SOURCES_VARIABLE} lists a source that there is not in mode {mode}",
                value=name[:100],
                options=_in_order(allowed),
                hint=f"List the allowed ones with commas between them, as in {SOURCES_VARIABLE}=uploads,camera; empty "
                "allows none.",
            )
    return frozenset(Source(name) for name in names)


def demo_minutes(environment: Mapping[str, str]) -> float:
    """Minutes after which a demo's workspace is removed that nobody uses: `$TLCORE_DEMO_MINUTES`, 60 where unset.

    Raises:
        WorkspaceError: The variable has an impossible value.
    """
    text = environment.get(MINUTES_VARIABLE)
    if not text:
        return _DEMO_MINUTES
    minutes = _number(text)
    # A browser that lost its connection finds its session again for two minutes.
    if not _LEAST_MINUTES <= minutes <= _MOST_MINUTES:
        raise WorkspaceError(
            f"The variable {MINUTES_VARIABLE} has an impossible value",
            value=text[:100],
            options=[f"{_LEAST_MINUTES:g} to {_MOST_MINUTES:,.0f}"],
            hint="Set it to minutes without use, or remove it.",
        )
    return minutes


def named_in(environment: Mapping[str, str], variable: str) -> frozenset[str]:
    """The e-mail addresses in a variable, with commas between them, in small letters."""
    return frozenset(name.casefold() for name in listed_in(environment, variable))


def listed_in(environment: Mapping[str, str], variable: str) -> frozenset[str]:
    """What a variable lists, with commas between."""
    # Pages keep addresses from becoming links by a mark that nobody sees, and that is copied with them.
    text = environment.get(variable, "").replace("\N{WORD JOINER}", "")
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _bytes_of(environment: Mapping[str, str], variable: str, what: str, otherwise: int) -> int:
    text = environment.get(variable)
    if not text:
        return otherwise
    gigabytes = _number(text)
    if not 0 <= gigabytes <= _MOST_GB:
        raise WorkspaceError(
            f"The variable {variable} has an impossible value",
            value=text[:100],
            options=[f"0 to {_MOST_GB:,}"],
            hint=f"Set it to the gigabytes that {what} may take on the disk, such as 5, or remove it.",
        )
    return int(gigabytes * 1e9)


def _in_order(sources: Iterable[Source]) -> list[str]:
    return [source.value for source in Source if source in sources]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
