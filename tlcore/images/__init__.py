"""Pictures: decoding (guarded for pictures from outside), orientation, resizing."""
