from __future__ import annotations

from tlcore.plots.compare import RunCurve, RunPoint, accuracy_time_figure, overlay_figure


def rows(*phases: str) -> list[dict[str, object]]:
    return [{"phase": phase, "epoch": 1, "val_loss": 0.5, "val_accuracy": 0.9} for phase in phases]


def test_curves_share_a_chart_and_mark_where_fine_tuning_starts() -> None:
    figure = overlay_figure(
        [RunCurve("frozen", rows("frozen", "frozen")), RunCurve("tuned", rows("frozen", "fine_tune", "fine_tune"))],
        "accuracy",
    )

    frozen, tuned = figure.data
    assert "diamond-open" in tuned.marker.symbol
    assert tuned.marker.symbol[0] == "diamond"
    assert not any("open" in symbol for symbol in frozen.marker.symbol)
    assert frozen.line.dash != tuned.line.dash


def test_accuracy_has_its_interval_and_time_its_unit() -> None:
    figure = accuracy_time_figure([RunPoint("a", 600, 0.9, 0.8, 0.95), RunPoint("b", 30, 0.7, 0.6, 0.8)])

    first = figure.data[0]
    assert first.x[0] == 10
    assert abs(first.error_y.array[0] - 0.05) < 1e-9
    assert abs(first.error_y.arrayminus[0] - 0.1) < 1e-9
    assert "minutes" in figure.layout.xaxis.title.text


def test_short_runs_are_told_in_seconds_and_none_is_no_error() -> None:
    figure = accuracy_time_figure([RunPoint("a", 42, 0.9, 0.8, 0.95)])

    assert figure.data[0].x[0] == 42
    assert "seconds" in figure.layout.xaxis.title.text
    assert len(accuracy_time_figure([]).data) == 0


def test_curves_that_are_all_alike_have_an_axis_of_some_height_within_what_accuracy_can_be() -> None:
    for flat in (0.0, 0.5, 1.0):
        curve = [{"phase": "frozen", "epoch": epoch, "val_loss": 0.5, "val_accuracy": flat} for epoch in (1, 2)]
        low, high = overlay_figure([RunCurve("flat", curve)], "accuracy").layout.yaxis.range
        assert low < flat < high
        assert high - low >= 0.1 - 1e-9
        assert low >= -0.05
        assert high <= 1.05


def test_curves_that_differ_choose_their_axis_themselves() -> None:
    curve = [{"phase": "frozen", "epoch": 1, "val_loss": 1, "val_accuracy": share} for share in (0.2, 0.9)]

    assert overlay_figure([RunCurve("steep", curve)], "accuracy").layout.yaxis.range is None
