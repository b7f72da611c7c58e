"""What runs the locked part of the network, and how exactly: for those who want to choose."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.widgets.fields import OptionFields
from pages.widgets.option_names import VALUES
from tlcore.config import Mode
from tlcore.devices import describe_host, has_bfloat16

_PRECISION = "compute.precision"


def computing_options(fields: OptionFields, modes: Sequence[Mode]) -> None:
    """Engine and precision; bfloat16 is offered only where it has a use."""
    if all(mode is Mode.SCRATCH for mode in modes):
        st.caption("From scratch nothing is locked, so there is nothing to choose here.")
        return
    left, right = st.columns(2)
    with left:
        host = describe_host()
        fields.choice(
            "compute.engine",
            "The locked part only computes, and two programs can do that. Which one is faster depends on the model and "
            "on the computer, so by default both are tried for a second each, once a model; "
            + (
                f"with {host.gpus[0]} here, TensorFlow is taken. "
                if host.trains_on_gpu
                else "a graphics card would be used by TensorFlow. "
            )
            + "Choose one to compare them, or when the other makes trouble. The features agree to a few millionths.",
        )
    with right:
        _precision(fields)


def _precision(fields: OptionFields) -> None:
    if not has_bfloat16():
        fields.put(_PRECISION, "float32")
        st.caption(
            "Everything is computed at full precision (float32). Half precision (bfloat16) would be no faster: the "
            "processor of this computer has no instructions for it."
        )
        return
    if fields.current("compute.engine") == "tensorflow":
        fields.lock(_PRECISION, "float32")
    fields.choice(
        _PRECISION,
        "Half precision is about twice as fast on this processor and changes the features by some percent. The answers "
        "are mostly the same; compare both before you trust it. It is OpenVINO's, so TensorFlow has only full "
        "precision.",
        VALUES[_PRECISION],
    )
