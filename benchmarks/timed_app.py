"""The app with a stopwatch in its process: `python -m benchmarks.timed_app LOG [streamlit options]`.

Notes the seconds of each prediction, one a line, from a picture's bytes to its probabilities. Nothing else differs from
`streamlit run streamlit_app.py`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from streamlit.web.cli import main

from tlcore.serving.predictor import Prediction, Predictor


def watch(log: Path) -> None:
    """Makes every predictor of this process note its seconds in `log`."""
    predict = Predictor.predict

    def timed(self: Predictor, file: str, data: bytes) -> Prediction:
        started = time.perf_counter()
        answer = predict(self, file, data)
        with log.open("a") as lines:
            lines.write(f"{time.perf_counter() - started:.6f}\n")
        return answer

    Predictor.predict = timed  # type: ignore[method-assign]


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
    sys.argv = ["streamlit", "run", "streamlit_app.py", *sys.argv[2:]]
    main()
