#!/usr/bin/env bash
# test.sh [ctest argument…]: installs what is missing, builds programs and tests, runs every test.
# Its last lines are ctest's summary and its exit status is ctest's, so CI needs nothing else. Tests
# that must run alone say so themselves (RUN_SERIAL), all others run side by side.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"$here/dependencies.sh" test

cd "$here/.."
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}"
export CTEST_PARALLEL_LEVEL="${CTEST_PARALLEL_LEVEL:-$(nproc)}"

# npm ci removes and downloads everything each time, so a copy of the lock file remembers what is
# there.
install_sdks() (
  cd tests/e2e
  cmp -s package-lock.json node_modules/.installed-lock && return
  npm ci --no-audit --no-fund --ignore-scripts
  cp package-lock.json node_modules/.installed-lock
)

[[ ! -f tests/e2e/package.json ]] || install_sdks
cmake --preset release -DCULVERT_TESTS=ON
cmake --build --preset release
# Integration tests race real processes on a shared machine: one that fails is asked once more, and
# ctest shows both runs.
exec ctest --test-dir build/release --output-on-failure --no-tests=error \
  --repeat until-pass:2 "$@"
