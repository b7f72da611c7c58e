"""The map of a dataset: pictures that a network finds alike lie close together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from pages.widgets.charts import csv_bytes
from pages.widgets.checking import check_button, watch_check
from pages.widgets.pictures import small_copies, whole_dataset
from pages.widgets.pointed import Pointed, pointed_picture, pointed_place
from pages.widgets.shell import guarded, workspace
from tlcore.audit.files import audit_folder
from tlcore.audit.findings import read_map
from tlcore.data.catalog import find_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.data.stored import StoredDataset
from tlcore.plots.map import MOST_CLASSES, map_figure
from tlcore.plots.theme import CHART_CONFIG

_CHART: Final = "data-map"
_SIDE: Final = 320


@dataclass(frozen=True)
class _Points:
    """The pictures on the map that are in use.

    Attributes:
        indices: Where each is in the dataset, shape (n,).
        x: 0..1, shape (n,).
        y: 0..1, shape (n,).
    """

    indices: NDArray[np.int64]
    x: NDArray[np.float32]
    y: NDArray[np.float32]


def show_map(info: DatasetInfo) -> None:
    """The map of a prepared dataset, or how to get one."""
    points = _points(info)
    running = watch_check(info)
    if points is None or not len(points.indices):
        if not running:
            st.info(
                "A built-in network looks at every picture, and those that it finds alike are drawn close together. "
                "Groups, mistakes and strangers are then easy to see. The map is made together with the check.",
                icon=":material/scatter_plot:",
            )
            check_button(info, "Check the pictures and draw the map")
        return
    dataset = whole_dataset(info)
    labels = dataset.labels[points.indices]
    told_apart = _choose_classes(info, labels)
    st.caption(
        "Each point is a picture; what a network that knows everyday pictures finds alike lies close together. A point "
        "among those of another class may be in the wrong one. Point at it, or tap on it, to see the picture."
    )
    _show_pointed(info.id)
    st.plotly_chart(
        map_figure(points.x, points.y, labels, info.class_names, told_apart),
        key=_CHART,
        config=CHART_CONFIG | {"scrollZoom": True},
        alt=f"Map of {len(labels):,} pictures by class; the Gallery has the same pictures as a list",
    )
    _about_points(info, dataset, points)


def _points(info: DatasetInfo) -> _Points | None:
    folder = audit_folder(workspace(), info.id)
    try:
        changed = folder.stat().st_mtime_ns  # replacing a file in it changes it
    except FileNotFoundError:
        return None
    return _find_points(f"{folder} {changed} {info.version} {info.fingerprint}", info)


@st.cache_resource(max_entries=2, show_spinner=False)
def _find_points(key: str, _info: DatasetInfo) -> _Points | None:  # noqa: ARG001 - the key is the key
    drawn = read_map(workspace(), _info.id)
    if drawn is None:
        return None
    dataset = whole_dataset(_info)
    places = [dataset.index_of(key) for key in drawn.keys]
    shown = [place for place, index in enumerate(places) if index is not None and not dataset.exclusions[index]]
    indices = np.array([places[place] for place in shown], dtype=np.int64)
    return _Points(indices, drawn.x[shown], drawn.y[shown])


def _choose_classes(info: DatasetInfo, labels: NDArray[np.int32]) -> list[int]:
    """The classes in colour: all, or where these are too many to tell apart, those that somebody chooses."""
    counts = np.bincount(labels, minlength=len(info.class_names))
    if len(info.class_names) <= MOST_CLASSES:
        return [index for index in range(len(info.class_names)) if counts[index]]
    largest = np.argsort(-counts, kind="stable")[:MOST_CLASSES].tolist()
    key = f"map-classes-{info.id}-{info.version}"
    if key not in st.session_state:
        st.session_state[key] = sorted(largest)
    return list(
        st.multiselect(
            "Classes in colour",
            range(len(info.class_names)),
            format_func=info.class_names.__getitem__,
            max_selections=MOST_CLASSES,
            key=key,
            persist_state="session",
            help=f"More than {MOST_CLASSES} colours nobody can tell apart; all other classes are grey.",
        )
    )


@st.fragment
def _show_pointed(dataset_id: str) -> None:
    """Runs by itself when somebody points at a point: the chart is not drawn anew for that."""
    with guarded():
        info = find_dataset(workspace(), dataset_id)
        points = _points(info)
        if points is None:
            return
        version = f"{info.id} {info.version} {len(points.indices)}"
        key = f"map-pointed-{info.id}"
        place = pointed_place(key, version)
        if not 0 <= place < len(points.indices):
            picture = Pointed(-1, "", "", None, "Point at a point to see its picture")
        else:
            picture = _picture(whole_dataset(info), int(points.indices[place]), place)
        pointed_picture(picture, key=key, chart=_CHART, version=version)


def _picture(dataset: StoredDataset, index: int, place: int) -> Pointed:
    data = small_copies(dataset, [index], _SIDE).found[index]
    name = dataset.info.class_names[dataset.labels[index]]
    part = dataset.parts[index]
    about = dataset.keys[index] + (f", {part}" if part else "")
    return Pointed(place, name, about, data, "This picture can't be read any more.")


def _about_points(info: DatasetInfo, dataset: StoredDataset, points: _Points) -> None:
    """How many of the pictures are on the map, and its data."""
    count, all_pictures = len(points.indices), info.pictures or 0
    if count < all_pictures:
        st.caption(
            f"{count:,} of {all_pictures:,} pictures are on the map: the others came after it was drawn, or were left "
            "off it because there are so many. Check again to draw it anew."
        )

    def table() -> bytes:
        return csv_bytes(
            pd.DataFrame(
                {
                    "picture": [dataset.keys[index] for index in points.indices],
                    "class": [info.class_names[dataset.labels[index]] for index in points.indices],
                    "x": points.x,
                    "y": points.y,
                }
            )
        )

    st.download_button(
        "Data as CSV",
        data=table,
        file_name="map.csv",
        mime="text/csv",
        key="data-map-csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )
