"""Feature extraction: pictures through a frozen backbone, by OpenVINO or TensorFlow."""

import sys

# Nothing phones home: OpenVINO's converter reports each conversion unless its telemetry package can't be imported; it
# then takes a stub of its own. This runs before `tlcore.engines.openvino`, the only module that imports OpenVINO.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
