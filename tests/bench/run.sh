#!/usr/bin/env bash
# run.sh [workload…]: measures the relay beside nginx, HAProxy and Portkey's gateway and prints one
# table. Builds nothing, starts and ends everything itself; tests/bench/README.md says how to read
# it. The work is done by run.py; this is here so that it starts from any folder.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PYTHONDONTWRITEBYTECODE=1
exec python3 -m tests.bench.run "$@"
