import pytest

from tlcore.errors import BundleError, ConfigError, NoBundle, StudioError, WeightsUnavailable


def test_the_text_says_what_happened_the_value_the_options_and_the_next_step() -> None:
    error = ConfigError("There is no such stage", value="blok7", options=["stem", "block7"], hint="Choose another.")
    assert str(error) == "There is no such stage. Received: blok7. Valid: block7, stem. Choose another."


def test_parts_that_are_not_there_leave_no_gap() -> None:
    assert str(StudioError("It broke")) == "It broke."
    assert str(StudioError("Did it break?")) == "Did it break?"
    assert str(StudioError("No epochs", value=0)) == "No epochs. Received: 0."


def test_a_long_list_of_options_is_cut_behind_the_nearest() -> None:
    options = [f"network{number}" for number in range(40)]
    text = str(StudioError("There is no such network", value="netwrk39", options=options))
    assert text.index("network39") < text.index("network0,")
    assert text.endswith("and 28 more.")


def test_as_plain_data() -> None:
    error = ConfigError("Too small", value=16, options=(32, 64), hint="Choose 32.")
    assert error.to_json() == {
        "kind": "ConfigError",
        "what": "Too small",
        "value": "16",
        "options": ["32", "64"],
        "hint": "Choose 32.",
        "text": str(error),
    }
    assert StudioError("It broke").to_json()["value"] is None


@pytest.mark.parametrize(
    ("kind", "status"), [(ConfigError, 2), (NoBundle, 2), (BundleError, 1), (WeightsUnavailable, 1)]
)
def test_exit_status(kind: type[StudioError], status: int) -> None:
    assert kind("It broke").exit_status == status
