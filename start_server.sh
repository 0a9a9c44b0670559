#!/usr/bin/env bash
# Sets up what is missing, builds the program, and shows it at work: until the server exists that is
# one segmentation of the CT in samples/. The second call builds nothing again.
#
#   ./start_server.sh [OPTION ...]
#
# Options are handed on to `voxlabel segment`; one that this script gives too (--model, --box,
# --passes, --window, -o) takes the place of the script's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

# The tumour's key slice and its box there, and its lowest and highest slice; see samples/README.md.
image=samples/lung2_image.nrrd
box=14:321,334,392,398:7,17
window=-160,240
mask=build/sample-mask.nii.gz
published=models/MedSAM2_latest.pt
formula=.cache/formula-checkpoint.pt

# given OPTION ARGUMENTS...: whether the option is among them, as "-o FILE" or "-o=FILE".
given() {
    local option=$1 argument
    shift
    for argument in "$@"; do
        case $argument in
            "$option" | "$option="*) return 0 ;;
        esac
    done
    return 1
}

build_program() {
    mkdir -p build
    cmake --preset dev >build/dev-configure.log 2>&1 || {
        cat build/dev-configure.log >&2
        fail "the build could not be configured"
    }
    cmake --build build/dev --parallel "$(jobs)" --target voxlabel make_checkpoint ||
        fail "the program could not be built"
}

# Weights by a formula: a file as the published one, the same names and shapes, nothing learnt.
write_formula_checkpoint() {
    local writer
    writer=$(find build/dev/tests -type f -name make_checkpoint -perm -u+x | head -n 1)
    [ -n "$writer" ] || fail "the build made no make_checkpoint"
    if [ "$formula" -nt "$writer" ]; then
        return
    fi
    say "Writing a checkpoint by the formula to $formula"
    mkdir -p "$(dirname "$formula")"
    "$writer" "$formula.new" --present
    mv "$formula.new" "$formula"
}

install_packages "${BUILD_PACKAGES[@]}"
say "Building"
build_program

if given --model "$@"; then
    model=
elif [ -n "${VOXLABEL_MODEL:-}" ]; then
    [ -r "$VOXLABEL_MODEL" ] || fail "VOXLABEL_MODEL names no file that can be read"
    model=$VOXLABEL_MODEL
elif [ -r "$published" ]; then
    model=$published
else
    model=$formula
    write_formula_checkpoint
fi

say "The server is not there yet; segmenting the tumour of $image"
options=()
for option in "--model=$model" "--box=$box" --passes=from_key "--window=$window" "-o=$mask"; do
    given "${option%%=*}" "$@" || options+=("$option")
done
build/dev/src/app/voxlabel segment "$image" "${options[@]}" "$@"
given --help "$@" || given -h "$@" && exit 0
given -o "$@" || echo "The mask is $mask, on the grid of $image."
if [ "$model" = "$formula" ]; then
    echo "The mask means nothing yet: its weights come from a formula, nobody trained them."
fi
