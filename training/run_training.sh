#!/bin/sh
# From nothing to a trained network: packages, scans, scenes, training. Called again, it goes on.
#
#   training/run_training.sh [MINUTES] [options of train.py]
#
# MINUTES is how long to train now (default 10). Everything lies in build/training.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$here/../build/training
minutes=${1:-10}
[ $# -eq 0 ] || shift
mkdir -p "$work"
if [ ! -x "$work/venv/bin/python" ]; then
    python3 -m venv "$work/venv"
fi
"$work/venv/bin/pip" install -q -r "$here/requirements.txt"
python=$work/venv/bin/python
"$python" "$here/fetch.py" "$work/data"
VOXLABEL_TRAINING_DATA=$work/data "$python" "$here/prepare.py" "$work/scenes" \
    --synthetic "${SYNTHETIC:-0:1200}" --real "${REAL:-0:800}"
exec "$python" "$here/train.py" "$work/run" --scenes "$work/scenes" --minutes "$minutes" \
    --validation "$here/validation-samples.yaml" "$@"
