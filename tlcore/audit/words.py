"""Findings in words for people who don't code: what was found, what ignoring it costs, what one click does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tlcore.audit.record import SEVERITIES, Action, Finding, FindingKind, Fix, Item, Severity

LARGEST_SHARE_LEFT_OUT: Final = 0.3
"""A click that leaves out more of the near-copies than this share of the dataset is not offered: such pictures are
series (films, turns of one object), not mistakes."""

MANY_WRONG: Final = 0.01
"""Share of wrong labels from which on they weigh as much as a leak."""

SURE_ENOUGH: Final = 0.9
"""How wrong a label has to look for the one click that moves many pictures; the others are moved one by one."""


@dataclass(frozen=True)
class _Words:
    """What is said of one kind of finding.

    Attributes:
        severity: How much it matters.
        title: The sentence, from its items.
        cost: What ignoring it costs.
        action: What the fix does, or None.
        button: The words on the fix's button.
        reason: Why a picture was left out, as the dataset's history tells it.
    """

    severity: Severity
    title: Callable[[Sequence[Item]], str]
    cost: str
    action: Action | None = None
    button: str = ""
    reason: str = ""


def number(count: int, singular: str, plural: str = "") -> str:
    """`1 picture`, `1,200 pictures`."""
    return f"1 {singular}" if count == 1 else f"{count:,} {plural or singular + 's'}"


def _affected(items: Sequence[Item]) -> int:
    return len({key for item in items for key in item.affected})


def _pictures(items: Sequence[Item]) -> str:
    return number(len(items), "picture")


_WORDS: Final[dict[FindingKind, _Words]] = {
    FindingKind.UNREADABLE: _Words(
        "medium",
        lambda items: f"{number(len(items), 'file')} can't be read and {'was' if len(items) == 1 else 'were'} left out",
        "Nothing breaks: they are not in the dataset. If you need these pictures, copy them again from where they came "
        "and import them anew.",
    ),
    FindingKind.LEAK: _Words(
        "high",
        lambda items: (
            f"{number(len(items), 'picture')} {'is' if len(items) == 1 else 'are'} in more than one of "
            "training, validation and test, as copies or near-copies"
        ),
        "A model that has seen the test pictures only has to remember them: the result looks better than it is. "
        "Training here passes over the copy that would leak, but other programs that use this split won't.",
        "exclude",
        "Leave the copies out of training",
        "copy of a picture in another part",
    ),
    FindingKind.TWO_CLASSES: _Words(
        "high",
        lambda items: f"{number(len(items), 'picture')} {'is' if len(items) == 1 else 'are'} in two classes at once",
        "The model is told two different things about the same picture and can't learn either; in the test one of the "
        "two answers is always counted as wrong.",
        "exclude",
        "Leave the contradictions out",
        "same picture as one in another class",
    ),
    FindingKind.LABEL: _Words(
        "high",
        lambda items: f"{_pictures(items)} may be in the wrong class",
        "The model learns the mistake, and a right answer counts as wrong in the test. Look at them before you move "
        "them: the check is often right, not always.",
        "move",
        "Move the clearest to the suggested class",
    ),
    FindingKind.BLANK: _Words(
        "medium",
        lambda items: f"{_pictures(items)} {'is' if len(items) == 1 else 'are'} blank",
        "There is nothing on them to learn from; the model learns to guess a class for an empty picture.",
        "exclude",
        "Leave the blank pictures out",
        "blank picture",
    ),
    FindingKind.TINY: _Words(
        "low",
        lambda items: f"{_pictures(items)} {'is' if len(items) == 1 else 'are'} much smaller than the others",
        "Enlarged they are blurred, and a model may learn the blur instead of what is shown.",
        "exclude",
        "Leave the tiny pictures out",
        "tiny picture",
    ),
    FindingKind.OUTLIER: _Words(
        "medium",
        lambda items: f"{_pictures(items)} {'looks' if len(items) == 1 else 'look'} unlike everything else here",
        "Pictures that don't belong teach the model something you didn't mean. Unusual pictures that do belong are "
        "worth keeping: look before you leave them out.",
        "exclude",
        "Leave these pictures out",
        "unlike the others",
    ),
    FindingKind.EXACT_COPIES: _Words(
        "medium",
        lambda items: f"{number(_affected(items), 'exact copy', 'exact copies')} of other pictures",
        "Copies count twice in training and tell nothing new. Training here keeps copies on one side of the split.",
        "exclude",
        "Keep one of each",
        "exact copy of another picture",
    ),
    FindingKind.NEAR_COPIES: _Words(
        "low",
        lambda items: f"{number(len(items), 'group')} of near-copies: the same picture resized, cropped or saved again",
        "They count more than once and tell little new. Training here keeps each group on one side of the split, so "
        "the result stays honest.",
        "exclude",
        "Keep one of each group",
        "near-copy of another picture",
    ),
    FindingKind.IMBALANCE: _Words(
        "low",
        lambda items: f"The classes differ in size: {' and '.join(item.note for item in items)}",
        "A model trained as it is prefers the large classes and misses the small ones. With balanced class weights "
        "every class counts the same in training; more pictures of the small classes help further.",
        "balance_weights",
        "Train with balanced class weights",
    ),
    FindingKind.SMALL_CLASS: _Words(
        "high",
        lambda items: f"{number(len(items), 'class has', 'classes have')} too few pictures to be divided",
        "Each class needs pictures to learn from, to choose by and to test with. Add pictures (ten are a fair start, "
        "fifty are better), or leave the class out.",
    ),
}


def make_finding(kind: FindingKind, items: Sequence[Item], pictures: int) -> Finding:
    """The finding of these cases.

    Args:
        kind: What they are.
        items: The cases, at least one.
        pictures: How many the dataset has.
    """
    words = _WORDS[kind]
    rare = kind is FindingKind.LABEL and len(items) < MANY_WRONG * pictures
    return Finding(
        kind=kind,
        severity="medium" if rare else words.severity,
        title=words.title(items),
        cost=words.cost,
        items=tuple(items),
        fix=_fix(kind, words, items, pictures),
    )


def _fix(kind: FindingKind, words: _Words, items: Sequence[Item], pictures: int) -> Fix | None:
    if words.action is None:
        return None
    if words.action == "balance_weights":
        return Fix(action=words.action, label=words.button)
    sure = [item for item in items if kind is not FindingKind.LABEL or (item.score or 0) >= SURE_ENOUGH]
    targets = {key: item.suggestion for item in sure for key in item.affected}
    if not targets:
        return None
    if kind is FindingKind.NEAR_COPIES and len(targets) > LARGEST_SHARE_LEFT_OUT * pictures:
        return None
    return Fix(
        action=words.action,
        label=words.button,
        keys=tuple(targets),
        classes=tuple(targets.values()) if words.action == "move" else (),
    )


def reason(kind: FindingKind) -> str:
    """Why a picture was left out, as the dataset's history tells it."""
    return _WORDS[kind].reason


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings in the order in which they are told."""
    kinds = list(FindingKind)
    return tuple(sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), kinds.index(one.kind))))
