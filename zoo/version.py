"""The name and version of the distribution, and a check for the unrelated distribution `zoo`.

`pip install zoo` installs an unrelated package, so the distribution of `import zoo` has another name. If both are installed,
pip puts their files into one folder, and the later installation overwrites `zoo/__init__.py` of the earlier one.
"""

from __future__ import annotations

import os
import warnings

DISTRIBUTION = "kerazoo"
__version__ = "0.2.0"


def install_command(extra: str) -> str:
    """Return the command that adds an extra to an installation.

    Example:
        >>> install_command("ray")
        "pip install 'kerazoo[ray]'"
    """
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def find_unrelated(folder: str | None = None) -> str | None:
    """Return the metadata folder of a distribution named `zoo`, or None.

    This takes 0.2 ms; importing `importlib.metadata` takes 20 ms.

    Args:
        folder: folder to search; default: the parent folder of this package.
    """
    folder = folder or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    names = (name for name in os.listdir(folder) if name.lower().startswith("zoo-"))
    return next((name for name in names if name.endswith((".dist-info", ".egg-info"))), None)


def warn_of_unrelated() -> None:
    """Warn if a distribution named `zoo` is installed in the folder of this package."""
    if name := find_unrelated():
        warnings.warn(
            f"Another distribution has installed a package named zoo over the files of {DISTRIBUTION}. Received: {name}. "
            f"Uninstall both (pip uninstall zoo {DISTRIBUTION}), then install {DISTRIBUTION} again.",
            RuntimeWarning,
            stacklevel=3,
        )
