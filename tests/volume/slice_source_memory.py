"""A file larger than the budget is read up and down with the budget and little else in memory.

usage: slice_source_memory.py PROGRAM W H D BUDGET_MIB   (the test helper slice_tool)
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import make_large_volume

# The program itself, the file's pages, places in a compressed stream, a slice as doubles.
BESIDE_MIB = 32


def read(program, path, budget):
    done = subprocess.run([program, path, str(budget)], capture_output=True, check=True)
    return json.loads(done.stdout)


def check(program, path, decoded, budget):
    got = read(program, path, budget << 20)
    print(f"{path.name}: {decoded >> 20} MiB decoded, {path.stat().st_size >> 20} in the file, budget {budget}: {got}")
    high_water = got["high_water_kib"] >> 10
    complaints = []
    if got["resident"]:
        complaints.append("it was read whole")
    if not 0 < high_water <= budget + BESIDE_MIB:
        complaints.append(f"{high_water} MiB were resident")
    if len(set(got["sums"])) != 1:
        complaints.append("the passes differ")
    # The other way round: a budget that holds all takes one copy.
    if decoded <= 256 << 20:
        whole = read(program, path, decoded)
        print(f"{path.name}, read whole: {whole}")
        extra = path.stat().st_size if path.suffix == ".gz" else 0
        if not whole["resident"] or whole["high_water_kib"] << 10 > decoded + extra + (BESIDE_MIB << 20):
            complaints.append("reading it whole took more than one copy")
        if whole["sums"][0] != got["sums"][0]:
            complaints.append("the whole differs from its slices")
    return complaints


def main():
    program = sys.argv[1]
    size = [int(text) for text in sys.argv[2:5]]
    budget = int(sys.argv[5])
    decoded = size[0] * size[1] * size[2] * 2
    complaints = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        for ending in (".nii", ".nii.gz"):
            path = pathlib.Path(folder) / f"large{ending}"
            make_large_volume.write(path, size)
            complaints += [f"{ending}: {text}" for text in check(program, path, decoded, budget)]
            path.unlink()
    print("\n".join(complaints) or "as it should be")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
