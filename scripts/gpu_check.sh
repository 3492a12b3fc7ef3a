#!/usr/bin/env bash
# Checks training on GPUs: a GPU gives the results of the CPU, several GPUs and several processes give those of one, mixed
# precision reaches the same score, and rows with speeds for benchmarks/results.csv. Run it in a clone after `make setup` and
# `.venv/bin/pip install -c constraints.txt -e '.[gpu]'`, on a machine with one GPU and on a machine with several:
#
#   scripts/gpu_check.sh                  every check; run it again after an interruption, and only the missing rows run
#   scripts/gpu_check.sh --cpu            the same steps on logical CPUs, to test this script; adds no rows to results.csv
#   scripts/gpu_check.sh --help
#
# It exits with 0 if every check passed, 1 if one failed, 2 if TensorFlow sees no GPU.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
exec "$python" scripts/gpu_check.py "$@"
