#!/usr/bin/env bash
# Sets up what is missing, builds the program, and starts the server. The second call installs and
# builds nothing again.
#
#   ./start_server.sh [OPTION ...]   serves the folder of --studies, VOXLABEL_STUDIES or
#                                    MONAI_LABEL_DATASTORE; without one a copy of samples/. Options
#                                    are those of `voxlabel serve`. Ctrl-C ends it
#   ./start_server.sh --check        starts it on a free port with the samples, segments one of them
#                                    through MONAI Label's Python client, prints the Dice and ends;
#                                    the exit status is 0 only where the Dice is over 0.7
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

program=build/dev/src/app/voxlabel
server=
image=ID

build_program() {
    mkdir -p build
    cmake --preset dev >build/dev-configure.log 2>&1 || {
        cat build/dev-configure.log >&2
        fail "the build could not be configured"
    }
    cmake --build build/dev --parallel "$(jobs)" --target voxlabel ||
        fail "the program could not be built"
}

# names_studies OPTION...: whether something says which folder to serve.
names_studies() {
    local option
    for option in "$@"; do
        case $option in
            --studies | --studies=* | --config | --config=*) return 0 ;;
        esac
    done
    [ -n "${VOXLABEL_STUDIES:-}${MONAI_LABEL_DATASTORE:-}${MONAI_LABEL_STUDIES:-}" ] ||
        [ -n "${VOXLABEL_CONFIG:-}" ]
}

# Puts the images of samples/ into a folder where they are not there yet.
copy_samples() {
    local image name
    mkdir -p "$1"
    for image in samples/*_image.nrrd; do
        name=$(basename "$image" _image.nrrd).nrrd
        [ -e "$1/$name" ] || cp "$image" "$1/$name"
    done
}

# Starts the server, and waits for the line with its address. It does not hear Ctrl-C itself: this
# script does, and tells it.
start() {
    local line
    exec 3< <(
        trap '' INT
        exec "$program" serve "$@"
    )
    server=$!
    trap 'kill -TERM "$server" 2>/dev/null || true' INT TERM HUP
    if ! IFS= read -r line <&3; then
        wait "$server" && exit 1 || exit $?
    fi
    address=${line##* }
    address=${address%/}
}

# Ends with the server and its exit status; signals only interrupt the waiting.
wait_for_server() {
    local status
    while :; do
        status=0
        wait "$server" || status=$?
        kill -0 "$server" 2>/dev/null || break
    done
    return "$status"
}

# Which key of the strategies is which image.
print_keys() {
    python3 - "$address" <<'END'
import json, ssl, sys, urllib.request

open_all = ssl.create_default_context()
open_all.check_hostname, open_all.verify_mode = False, ssl.CERT_NONE
with urllib.request.urlopen(sys.argv[1] + "/info/", timeout=30, context=open_all) as answer:
    strategies = json.load(answer)["strategies"]
images = [(key, row["description"]) for key, row in strategies.items() if key.startswith("img_")]
for key, image in images[:20]:
    print(f"  {key}  {image}")
if len(images) > 20:
    print(f"  and {len(images) - 20} more")
if not images:
    print("  none: there are no images without a final label")
END
}

explain() {
    echo
    echo "The server is at $address"
    echo
    echo "Images to label, by the keys that 3D Slicer shows beside 'Next Sample':"
    print_keys || true
    cat <<END

In 3D Slicer: Extensions Manager, install MONAILabel; module MONAILabel, type the address into
'MONAI Label server', press the button with the arrows, choose a key, press 'Next Sample', and click
into the structure under 'SmartEdit'.

From a terminal, two corners of a structure and the mask:

  curl -X POST -F 'params={"intersection": [[330, 357, 8], [404, 388, 16]]}' \\
      -o mask.nrrd '$address/infer/SAM?image=$image&output=image'

Ctrl-C ends it. docs/serving.md says what can be configured.

END
}

check() {
    local folder status=0
    make_venv
    folder=$(mktemp -d "${TMPDIR:-/tmp}/voxlabel-check-XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$folder'" EXIT
    copy_samples "$folder/studies"
    start --studies "$folder/studies" --work-dir "$folder/work" --port 0 --log-level warning
    .venv/bin/python3 tests/server/click_sample.py "$address" lung2 samples/lung2_label.nrrd ||
        status=$?
    kill -TERM "$server"
    wait_for_server || status=$?
    return "$status"
}

install_packages "${BUILD_PACKAGES[@]}"
say "Building"
build_program
if [ $#:"${1:-}" = 1:--check ]; then
    install_packages python3-venv
    say "Segmenting the tumour of samples/lung2_image.nrrd through the server"
    check
    exit
fi
case " $* " in
    *" --help "* | *" -h "* | *" --print-settings "*) exec "$program" serve "$@" ;;
esac
if ! names_studies "$@"; then
    copy_samples build/studies
    set -- --studies build/studies "$@"
    image=lung2
fi
say "Starting the server"
start "$@"
explain
wait_for_server
