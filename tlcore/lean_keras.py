"""Loading Keras without the two large libraries that it only looks for."""

from __future__ import annotations

import sys
from types import ModuleType

# Keras and TensorFlow import them if they are installed, to take data frames and to give estimators. Nothing here does
# either, and together with what they load in turn they take 1.3 s, of every training.
_ONLY_LOOKED_FOR = ("pandas", "sklearn")


def load_keras() -> None:
    """Imports TensorFlow and Keras as if pandas and scikit-learn were not installed.

    Before anything else imports Keras; afterwards both libraries can be imported as ever. Where one of them is loaded
    already it stays as it is, and Keras finds it.
    """
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    hidden = [name for name in _ONLY_LOOKED_FOR if name not in modules]
    modules.update(dict.fromkeys(hidden))  # None makes Python say that there is no such module
    try:
        import keras  # noqa: F401 - it is loaded for those that import it later
    finally:
        for name in hidden:
            del modules[name]
