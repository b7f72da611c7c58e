"""Feature extraction: pictures through a frozen backbone, by OpenVINO or TensorFlow."""
