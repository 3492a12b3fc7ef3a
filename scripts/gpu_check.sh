#!/usr/bin/env bash
# Checks training on GPUs: a GPU gives the same results as the CPU, several GPUs or processes give the same results as one, and
# mixed precision reaches the same score. It also measures speed and adds rows to benchmarks/results.csv. Run it in a clone, after
# `make setup` and `.venv/bin/pip install -c constraints.txt -e '.[gpu]'`, on a machine with one GPU and on one with several:
#
#   scripts/gpu_check.sh                  every check; after an interruption, another call runs only the missing checks
#   scripts/gpu_check.sh --cpu            the same steps on logical CPUs, to test this script; adds no rows to results.csv
#   scripts/gpu_check.sh --help
#
# The exit code is 0 if every check passed, 1 if one failed, and 2 if TensorFlow sees no GPU.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
exec "$python" scripts/gpu_check.py "$@"
