#!/usr/bin/env bash
# Sets up what is missing, builds the program, and shows it at work: until the server exists that is
# one segmentation of the CT in samples/. The second call installs and builds nothing again.
#
#   ./start_server.sh            prints the Dice with the expert's mask and where mask and picture are
#   ./start_server.sh --check    the same; the exit status is 0 only where the Dice is over 0.7
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

build_program() {
    mkdir -p build
    cmake --preset dev >build/dev-configure.log 2>&1 || {
        cat build/dev-configure.log >&2
        fail "the build could not be configured"
    }
    cmake --build build/dev --parallel "$(jobs)" --target voxlabel ||
        fail "the program could not be built"
}

case $#:${1:-} in
    0: | 1:--check) ;;
    *) fail "takes --check or nothing" ;;
esac
install_packages "${BUILD_PACKAGES[@]}"
say "Building"
build_program
say "The server is not there yet; segmenting the tumour of samples/lung2_image.nrrd"
scripts/segment_sample.sh build/dev/src/app/voxlabel build "$@"
