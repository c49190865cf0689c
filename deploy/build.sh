#!/usr/bin/env bash
# Installs what is missing and leaves the release programs in build/bin/. Shared by up.sh and
# whoever wants only the programs; the tests, which need more packages, are test.sh's.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"$here/dependencies.sh" build

cd "$here/.."
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}"
cmake --preset release -DCULVERT_TESTS=OFF
cmake --build --preset release
