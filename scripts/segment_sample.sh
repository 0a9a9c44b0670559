#!/usr/bin/env bash
# Segments the tumour of the CT in samples/ from one box, and compares the mask with that of an expert.
#
#   scripts/segment_sample.sh PROGRAM FOLDER [--check]
#
# PROGRAM is a voxlabel; the mask and a picture of it come into FOLDER. With --check the exit status is 0 only
# where the Dice is over 0.7.
set -euo pipefail
program=$1
folder=$2
check=${3:-}
samples=$(dirname "${BASH_SOURCE[0]}")/../samples

# The tumour's key slice and its box there, and its lowest and highest slice; see samples/README.md.
box=14:321,334,392,398:7,17
least=0.7

mask=$folder/sample-mask.nii.gz
preview=$folder/sample-preview.png
"$program" segment "$samples/lung2_image.nrrd" --box "$box" --passes from_key \
    -o "$mask" --preview "$preview"
dice=$("$program" compare "$mask" "$samples/lung2_label.nrrd" --label 1 |
    awk '$1 == "label" { getline; print $2 }')
cat <<END
Dice with the expert's mask: $dice
mask:    $mask
picture: $preview
END
# What is no number is no success either.
if [ -n "$check" ] && ! awk -v dice="$dice" -v least="$least" \
    'BEGIN { exit !(dice ~ /^[01]\.[0-9]+$/ && dice + 0 > least) }'; then
    echo "$(basename "$0"): the Dice must be over $least" >&2
    exit 1
fi
