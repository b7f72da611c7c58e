"""What tells a run from one with nothing changed: the end of its name."""

from __future__ import annotations

from typing import Any, Final

from pages.widgets.option_names import LABELS
from pages.widgets.result_settings import has_a_use, setting_values, value_text
from tlcore.backbones.checks import complete
from tlcore.config import RunConfig

_MOST: Final = 4
_NAMED_ALREADY: Final = {"dataset", "backbone", "mode"}
_TOGETHER: Final = ("augmentation.", "split.")
_WORDS: Final = {
    "image_size": "{} px",
    "epochs": "{} rounds",
    "fine_tune_epochs": "{} fine-tuning rounds",
    "learning_rate": "learning rate {}",
    "fine_tune_learning_rate": "fine-tuning rate {}",
    "batch_size": "{} a step",
    "fine_tune_at": "from layer {} on",
    "unfreeze": "stages {}",
    "width": "width {}",
    "seed": "seed {}",
    "test_dataset": "tested on {}",
}


def differences(config: RunConfig) -> list[str]:
    """What differs from the defaults of the run's own mode and model, in a few words each; the weightiest first.

    Args:
        config: As `complete` returns it.
    """
    plain = complete(RunConfig.build(dataset=config.dataset, backbone=config.backbone, mode=config.mode))
    values, defaults = setting_values(config), setting_values(plain)
    changed = [
        name
        for name in LABELS
        if name not in _NAMED_ALREADY and values[name] != defaults[name] and has_a_use(name, values[name], config)
    ]
    found = [_words(name, values[name]) for name in changed if not name.startswith(_TOGETHER)]
    split = _split_words(config) if any(name.startswith("split.") for name in changed) else ""
    return [words for words in (_varied_words(config), *found, split) if words]


def with_differences(name: str, config: RunConfig) -> str:
    """A run's name with what differs; only the weightiest where that is much."""
    found = differences(config)
    more = [f"{len(found) - _MOST} more changes"] if len(found) > _MOST + 1 else found[_MOST:]
    return ", ".join([name, *found[:_MOST], *more])


def _words(name: str, value: Any) -> str:
    if name == "from_run":
        return "on an earlier run"
    text = value_text(name, value)
    if name in _WORDS:
        return _WORDS[name].format(text)
    label = LABELS[name].partition(" (")[0]
    return f"{label[:1].lower()}{label[1:]}: {text}"


def _varied_words(config: RunConfig) -> str:
    if not config.augmentation.active:
        return ""
    views = config.augmentation.views
    return f"{views} copies" if views else "varied anew"


def _split_words(config: RunConfig) -> str:
    split = config.split
    words = [f"{split.fraction:.0%} of the pictures"] if split.fraction < 1 else []
    shares = (split.train, split.validation, split.test)
    plain = type(split)()
    if shares != (plain.train, plain.validation, plain.test):
        words.append("split " + "/".join(f"{share:g}" for share in shares))
    return ", ".join(words)
