"""What the check of a dataset found, the worst first: what it is, what ignoring it costs, and a click that mends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from pages.widgets.audits import Checked, last_check
from pages.widgets.check_items import show_items
from pages.widgets.checking import check_button, tell_failure, watch_check
from pages.widgets.draft import load_design, save_design
from pages.widgets.fields import option_key
from pages.widgets.filters import PROBLEM_NAMES, problem_key
from pages.widgets.pictures import whole_dataset
from pages.widgets.reports import duration_text
from pages.widgets.shell import plain_text, show_error, workspace
from pages.widgets.tabs import Tab, lead_to_tab
from pages.widgets.undo import remember, steps_back
from tlcore.audit.dismissals import dismiss, recall
from tlcore.audit.findings import Finding, FindingKind, Item, Severity, apply_fix
from tlcore.data.dataset import DatasetInfo
from tlcore.data.edits import include
from tlcore.errors import StudioError

_LOOK: Final[dict[Severity, str]] = {
    "high": ":red-badge[:material/priority_high: Serious]",
    "medium": ":orange-badge[:material/warning: Worth mending]",
    "low": ":blue-badge[:material/info: Good to know]",
}
_CLASS_WEIGHTS: Final = "class_weights"


def show_check(info: DatasetInfo) -> None:
    """The state of the check and its findings."""
    running = watch_check(info)
    if not running:
        tell_failure(info)
    check = last_check(info)
    if check is None:
        if not running:
            _never_checked(info)
    else:
        _about(info, check, running=running)
        for finding in check.open:
            _show_finding(info, finding)
        if not check.open:
            st.success(
                "Nothing is wrong with these pictures, as far as a program can tell.", icon=":material/verified:"
            )
        _called_right(info, check)
    _left_out(info)


def _never_checked(info: DatasetInfo) -> None:
    if not info.pictures:
        st.info("There are no pictures to check yet.", icon=":material/fact_check:")
        return
    st.info(
        "These pictures were not checked yet. The check looks for copies (above all between training and test, where "
        "they make the result a lie), wrong classes, blank, tiny and strange pictures, and classes that are too small. "
        "It changes nothing by itself.",
        icon=":material/fact_check:",
    )
    check_button(info, "Check the pictures")


def _about(info: DatasetInfo, check: Checked, *, running: bool) -> None:
    audit = check.audit
    took = duration_text(sum(audit.seconds.values()))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"{audit.pictures:,} pictures checked on {audit.created:%d %B %Y, %H:%M} UTC in {took}.", width="stretch"
        )
        if not running:
            check_button(info, "Check again")
    if not check.current:
        st.caption(
            "The dataset was changed since. What was mended is off the list; only another check finds what is new."
        )


def _show_finding(info: DatasetInfo, finding: Finding) -> None:
    with st.container(border=True):
        st.markdown(f"{_LOOK[finding.severity]}  \n**{plain_text(finding.title)}**")
        st.markdown(plain_text(finding.cost))
        with st.container(horizontal=True, gap="small"):
            if finding.fix is not None:
                _fix_button(info, finding)
            if finding.kind in PROBLEM_NAMES:
                st.button(
                    "Show in the gallery",
                    icon=":material/photo_library:",
                    type="tertiary",
                    key=f"check-gallery-{finding.kind}",
                    on_click=_show_in_gallery,
                    args=(info.id, finding.kind.value),
                )
        pressed = show_items(info, finding)
    if pressed is not None and pressed.wish == "mend":
        _mend(info, finding, pressed.item)
    elif pressed is not None:
        _note(dismiss, info.id, finding.kind, [pressed.item])


def _fix_button(info: DatasetInfo, finding: Finding) -> None:
    if finding.fix is None:
        return
    if finding.fix.action == "balance_weights":
        _balance_button(finding)
        return
    count = f" ({len(finding.fix.keys):,})" if len(finding.fix.keys) > 1 else ""
    icon = ":material/drive_file_move:" if finding.fix.action == "move" else ":material/visibility_off:"
    if st.button(f"{finding.fix.label}{count}", icon=icon, key=f"check-fix-{finding.kind}"):
        _mend(info, finding, None)


def _mend(info: DatasetInfo, finding: Finding, item: Item | None) -> None:
    """One click's change; the way back is remembered."""
    keys = finding.fix.keys if item is None and finding.fix is not None else item.affected if item is not None else ()
    back = steps_back(whole_dataset(info), keys, "class" if finding.kind is FindingKind.LABEL else "use")
    try:
        apply_fix(workspace(), info.id, finding, None if item is None else [item])
    except StudioError as error:
        show_error(error)
        return
    pictures = "1 picture" if len(keys) == 1 else f"{len(keys):,} pictures"
    done = "moved to the suggested class" if finding.kind is FindingKind.LABEL else "left out"
    remember(info.id, f"{pictures} {done}.", back)
    st.rerun()


def _note(change: Callable[..., None], *values: object) -> None:
    """Notes what somebody thinks of a case, or takes the note back."""
    try:
        change(workspace(), *values)
    except StudioError as error:
        show_error(error)
        return
    st.rerun()


def _called_right(info: DatasetInfo, check: Checked) -> None:
    """How many cases somebody called right, with the way back."""
    if not check.dismissed:
        return
    count = len(check.dismissed)
    with st.container(horizontal=True, vertical_alignment="center"):
        cases = "1 case was" if count == 1 else f"{count:,} cases were"
        st.caption(f"{cases} called right and {'is' if count == 1 else 'are'} not told any more.", width="stretch")
        if st.button("Tell again", type="tertiary", icon=":material/undo:", key="check-recall"):
            _note(recall, info.id, check.dismissed)


def _balance_button(finding: Finding) -> None:
    if finding.fix is None:
        return
    if load_design(workspace()).options.get(_CLASS_WEIGHTS) == "balanced":
        st.markdown(":green[:material/check_circle:] The next training weighs the classes equally (Model, Advanced).")
        return
    st.button(finding.fix.label, icon=":material/balance:", key=f"check-fix-{finding.kind}", on_click=_balance)


def _balance() -> None:
    design = load_design(workspace())
    save_design(workspace(), design.model_copy(update={"options": design.options | {_CLASS_WEIGHTS: "balanced"}}))
    st.session_state.pop(option_key(_CLASS_WEIGHTS), None)  # the Model page's field then reads the design


def _show_in_gallery(dataset_id: str, problem: str) -> None:
    st.session_state[problem_key(dataset_id)] = problem
    lead_to_tab(Tab.GALLERY)


def _left_out(info: DatasetInfo) -> None:
    """What is left out and why, with the way back."""
    if not info.excluded:
        return
    dataset = whole_dataset(info)
    reasons: dict[str, list[str]] = {}
    for key, reason in zip(dataset.keys, dataset.exclusions, strict=True):
        if reason is not None:
            reasons.setdefault(reason, []).append(key)
    with st.expander(f"Left out: {info.excluded:,}", icon=":material/visibility_off:"):
        st.caption("They take no part in training. Nothing is deleted: each can be put back here or in the gallery.")
        for place, (reason, keys) in enumerate(sorted(reasons.items(), key=lambda one: -len(one[1]))):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{len(keys):,}** {plain_text(reason)}", width="stretch")
                if st.button("Put back", icon=":material/visibility:", key=f"check-back-{place}"):
                    _put_back(info, keys)


def _put_back(info: DatasetInfo, keys: list[str]) -> None:
    back = steps_back(whole_dataset(info), keys, "use")
    try:
        include(workspace(), info.id, keys)
    except StudioError as error:
        show_error(error)
        return
    remember(info.id, f"{len(keys):,} put back.", back)
    st.rerun()
