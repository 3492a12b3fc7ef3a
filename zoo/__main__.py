"""Runs the command line: `python -m zoo` is equivalent to `zoo`."""

from __future__ import annotations

import sys

from zoo.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
