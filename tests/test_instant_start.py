"""`import zoo` and the verbs that only look things up import nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

HEAVY = ["tensorflow", "keras", "numpy", "pandas", "sklearn", "pydantic", "rich", "matplotlib", "pyarrow", "PIL"]
SLOW = ["tensorflow", "keras", "pandas", "pyarrow", "scipy", "sklearn", "matplotlib", "h5py"]


@pytest.mark.parametrize(
    "code",
    [
        "import zoo",
        "import zoo; zoo.list_models('*', max_params=10**6); zoo.list_datasets(); zoo.info('cnn/tiny'); dir(zoo)",
        "import zoo; zoo.UsageError; zoo.register_model",
        "from zoo.cli.main import main; main(['list', '--sort', 'params'])",
        "from zoo.cli.main import main; main(['list', '--datasets', '--json'])",
        "from zoo.cli.main import main; main(['info', 'cnn'])",
        "from zoo.cli.main import main; assert main(['info', 'cnnn']) == 2",
    ],
)
def test_nothing_heavy_is_imported(code):
    report = f"\nimport json, sys\nprint()\nprint(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_help_of_every_verb_imports_nothing_heavy():
    from zoo.cli.main import VERBS

    code = (
        "import json, sys\nfrom zoo.cli.main import main\n"
        f"for verb in {[*VERBS]}:\n"
        "    try:\n        main([verb, '--help'])\n    except SystemExit as end:\n        assert end.code == 0\n"
        f"print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout.splitlines()[-1])) <= {"pydantic"}  # verbs that list settings, with their defaults
