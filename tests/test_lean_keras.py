"""Keras without pandas and scikit-learn: in processes of their own, because a process loads Keras once."""

from __future__ import annotations

import subprocess
import sys


def told_by(code: str) -> str:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout.strip()


def test_what_a_training_loads_has_neither() -> None:
    code = (
        "import sys\n"
        "import tlcore.jobs.train\n"
        "from tlcore.lean_keras import load_keras\n"
        "load_keras()\n"
        "import tlcore.training.session, tlcore.export.bundle\n"
        "print(sorted({'keras', 'tensorflow', 'pandas', 'sklearn', 'scipy.stats'} & set(sys.modules)))"
    )
    assert told_by(code) == "['keras', 'tensorflow']"


def test_both_can_be_loaded_afterwards() -> None:
    code = (
        "from tlcore.lean_keras import load_keras\n"
        "load_keras()\n"
        "import pandas, sklearn.linear_model\n"
        "print(pandas.DataFrame({'a': [1]}).a.sum(), sklearn.linear_model.LogisticRegression.__name__)"
    )
    assert told_by(code) == "1 LogisticRegression"


def test_one_that_is_loaded_already_stays() -> None:
    code = (
        "import sys, pandas\n"
        "from tlcore.lean_keras import load_keras\n"
        "load_keras()\n"
        "print(sys.modules['pandas'] is pandas, 'sklearn' in sys.modules)"
    )
    assert told_by(code) == "True False"
