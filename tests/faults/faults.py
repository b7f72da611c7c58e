"""Which faults are tried: kinds of work, how many of each, and at which moment each time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final

IMPORT: Final = "import"

CHAINS: Final = (("extraction", "checkpoint", "bundle"), ("frozen", "fine_tune", "report"))
"""Kinds of work of a training. Those of a chain come one after the other, so that one run can be killed in each."""

KINDS: Final = (IMPORT, *CHAINS[0], *CHAINS[1])

IMPORTS: Final = ("upload", "version", "folder")
"""Ways of importing, taken in turn."""


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        kind: What the worker is at.
        with_supervisor: Whether its supervisor is killed, too.
        by_itself: Whether the training then goes on by itself; else a person asks for it.
    """

    kind: str
    with_supervisor: bool
    by_itself: bool = False


@dataclass(frozen=True)
class Case:
    """One import or training that is killed, perhaps several times."""

    number: int
    kills: tuple[Kill, ...]

    def __str__(self) -> str:
        return f"{self.number}-" + "-".join(kill.kind for kill in self.kills)


@dataclass(frozen=True)
class Moment:
    """When to kill: so many seconds after the n-th step of a kind of work."""

    kind: str
    number: int
    delay: float
    supervisor: bool

    def lay(self, home: Path) -> None:
        """Lays the fault out for the next worker of the workspace at `home`."""
        home.with_name("killed.json").unlink(missing_ok=True)
        home.with_name("fault.json").write_text(json.dumps(asdict(self)))


def cases(count: int) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """Imports and trainings with `count` kills in all, spread evenly over the kinds of work."""
    each = {kind: count // len(KINDS) + (number < count % len(KINDS)) for number, kind in enumerate(KINDS)}
    imports = tuple(Case(number, (Kill(IMPORT, number % 3 == 1),)) for number in range(each[IMPORT]))
    trainings: list[Case] = []
    done = 0
    for turn in range(max(each.values())):
        for chain in CHAINS:
            kinds = [kind for kind in chain if each[kind] > turn]
            kills = tuple(Kill(kind, (done + i) % 4 == 1, (done + i) % 5 == 3) for i, kind in enumerate(kinds))
            done += len(kills)
            if kills:
                trainings.append(Case(len(trainings), kills))
    return imports, tuple(trainings)


def draw(kill: Kill, moments: list[tuple[float, str]], dice: Random) -> Moment:
    """A random moment of a kind of work: half of the time right at a step, else anywhere in the time that it took.

    Args:
        kill: What is asked for.
        moments: Of the undisturbed work, its steps: seconds and kind.
        dice: Decides.
    """
    # Work of another kind may lie between two steps; what follows the last one is not known.
    steps = [
        (0.0 if following != kill.kind else end - start)
        for (start, kind), (end, following) in zip(moments, [*moments[1:], (0.0, "")], strict=True)
        if kind == kill.kind
    ]
    assert steps, f"the undisturbed work had no {kill.kind}"
    if dice.random() < 0.5 or not any(steps):
        return Moment(kill.kind, dice.randrange(len(steps)) + 1, 0.0, kill.with_supervisor)
    number = dice.choices(range(len(steps)), steps)[0]
    return Moment(kill.kind, number + 1, round(steps[number] * dice.random(), 4), kill.with_supervisor)


def read_moments(home: Path) -> list[tuple[float, str]]:
    """What the workers of the workspace at `home` wrote down of their steps."""
    lines = home.with_name("moments.txt").read_text().splitlines()
    return [(float(seconds), kind) for seconds, kind in (line.split() for line in lines)]
