"""Windowed bytes equal those of numpy in the lines of MedSAM2's medsam2_infer_3D_CT.py, for every stored type, from
memory and from files of which a few slices are in memory.

usage: oracle_intensity.py PROGRAM   (the test helper pipeline_bytes)
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import nibabel
import numpy

ABDOMEN = (-160.0, 240.0)


def reference(volume, low, high):
    """The script's own lines. What is not finite is settled before: this project's rule, not the script's."""
    finite = numpy.isfinite(volume)
    if not finite.any():
        return numpy.zeros(volume.shape, numpy.uint8)
    clean = numpy.where(finite, volume, volume[finite].min())
    pre = numpy.clip(clean, low, high)
    if numpy.max(pre) == numpy.min(pre):
        return numpy.zeros(volume.shape, numpy.uint8)
    pre = (pre - numpy.min(pre)) / (numpy.max(pre) - numpy.min(pre)) * 255.0
    return numpy.uint8(pre)


def automatic(volume):
    """(rule, low, high) of the automatic window."""
    if volume.dtype == numpy.uint8:
        return "as is", 0.0, 255.0
    finite = volume[numpy.isfinite(volume)].astype(numpy.float64)
    if finite.size and finite.min() <= -500:
        return "abdomen", *ABDOMEN
    positive = finite[finite > 0]
    if positive.size == 0:
        return "percentiles", 0.0, 0.0
    return "percentiles", *(float(numpy.percentile(positive, q)) for q in (0.5, 99.5))


def run(program, stored, window, slope=1.0, intercept=0.0):
    d, h, w = stored.shape
    command = [program, "window", stored.dtype.name, *map(str, (w, h, d)), repr(slope), repr(intercept)]
    if window:
        command += [repr(float(bound)) for bound in window]
    done = subprocess.run(command, input=stored.tobytes(), capture_output=True, check=True)
    return numpy.frombuffer(done.stdout, numpy.uint8).reshape(stored.shape), json.loads(done.stderr)


def volumes(rng):
    shape = (4, 23, 31)
    ct = rng.normal(-200, 400, shape)
    yield "ct", numpy.clip(ct, -1024, 3071).astype(numpy.int16)
    yield "ct as float", ct.astype(numpy.float32)
    yield "ct as double", ct
    mr = numpy.clip(rng.gamma(1.5, 200, shape) - 120, 0, None)
    yield "mr", mr.astype(numpy.int16)
    for dtype in (numpy.uint16, numpy.int32, numpy.uint32, numpy.int64, numpy.uint64, numpy.float32, numpy.float64):
        yield f"mr as {numpy.dtype(dtype).name}", mr.astype(dtype)
    yield "bytes", rng.integers(0, 200, shape, dtype=numpy.uint8)
    yield "signed bytes", rng.integers(-100, 120, shape).astype(numpy.int8)
    yield "tiny values", (mr * 1e-7).astype(numpy.float32)
    yield "large values", (mr * 1e30).astype(numpy.float32)
    yield "constant", numpy.full(shape, 7, numpy.int16)
    yield "constant float", numpy.full(shape, 0.1, numpy.float32)
    yield "all zero", numpy.zeros(shape, numpy.int16)
    yield "negative", -mr.astype(numpy.int16) - 1
    yield "one voxel > 0", numpy.eye(4, 6, dtype=numpy.int16).reshape(1, 4, 6) * (numpy.arange(6) == 2) * 9
    yield "one voxel", numpy.array([[[5]]], numpy.int16)
    for dtype in (numpy.float32, numpy.float64):
        holes = mr.astype(dtype)
        holes[0, 3, 4:9] = numpy.nan
        holes[1, 1, 1], holes[2, 2, 2] = numpy.inf, -numpy.inf
        yield f"not finite {numpy.dtype(dtype).name}", holes
        yield f"nothing finite {numpy.dtype(dtype).name}", numpy.full(shape, numpy.nan, dtype)


def run_file(program, path, budget, window):
    done = subprocess.run([program, "file", path, str(budget), *window], capture_output=True, check=True)
    return done.stdout, json.loads(done.stderr)


class Checks:
    def __init__(self):
        self.done = self.wrong = 0

    def expect(self, what, condition):
        self.done += 1
        if not condition:
            self.wrong += 1
            print(f"{what}: differs")


def check_given(checks, program, name, volume):
    for window in [(-160, 240), (-1350, 150), (0.5, 99.25), (-1e9, 1e9), (10, 11)]:
        got, info = run(program, volume, window)
        # The bounds are Python floats there, which take the array's type if it is a float.
        want = reference(volume, float(window[0]), float(window[1]))
        checks.expect(f"{name}, window {window}", numpy.array_equal(got, want))
        checks.expect(f"{name}, window {window}: rule", info["rule"] == "given")
        checks.expect(f"{name}: count", info["not_finite"] == numpy.count_nonzero(~numpy.isfinite(volume)))


def check_automatic(checks, program, name, volume):
    got, info = run(program, volume, None)
    rule, low, high = automatic(volume)
    checks.expect(f"{name}, auto: rule {info}", info["rule"] == rule)
    checks.expect(f"{name}, auto: bounds {info}", (info["low"], info["high"]) == (low, high))
    want = volume if rule == "as is" else reference(volume, low, high)
    checks.expect(f"{name}, auto", numpy.array_equal(got, want))
    if rule == "percentiles":
        checks.expect(f"{name}, auto: zeros stay", not got[volume == 0].any())


def check_scaled(checks, program, rng):
    for dtype, slope, intercept in [(numpy.int16, 0.5, -3.25), (numpy.uint8, 2.0, -600.0), (numpy.float32, 1.1, 0.0), (numpy.int16, -1.0, 4.0)]:
        stored = rng.integers(0, 250, (3, 9, 14)).astype(dtype)
        real = stored.astype(numpy.float64) * slope + intercept
        name = f"{numpy.dtype(dtype).name} * {slope} + {intercept}"
        got, _info = run(program, stored, (-50, 100), slope, intercept)
        checks.expect(name, numpy.array_equal(got, reference(real, -50.0, 100.0)))
        got, info = run(program, stored, None, slope, intercept)
        rule, low, high = automatic(real)
        checks.expect(f"{name}, auto: {info}", (info["rule"], info["low"], info["high"]) == (rule, low, high))
        checks.expect(f"{name}, auto", numpy.array_equal(got, reference(real, low, high)))


def check_streamed(checks, program, name, volume, folder):
    """Three slices fit into the budget, the file does not."""
    if volume.shape[0] < 4:
        return
    for ending in (".nii", ".nii.gz"):
        path = str(pathlib.Path(folder) / f"image{ending}")
        nibabel.save(nibabel.Nifti1Image(volume.transpose(2, 1, 0), numpy.eye(4), dtype=volume.dtype), path)
        rule, low, high = automatic(volume)
        finite = volume[numpy.isfinite(volume)].astype(numpy.float64)
        full = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        for window, want in [
            ([], (rule, low, high)),
            (["lung"], ("lung", -1350.0, 150.0)),
            (["full"], ("full", *full)),
            (["0.5", "99.25"], ("given", 0.5, 99.25)),
        ]:
            got, info = run_file(program, path, volume[0].nbytes * 3, window)
            bytes_wanted = volume if want[0] == "as is" else reference(volume, want[1], want[2])
            checks.expect(f"{name}{ending}, {window}: streamed", not info["resident"])
            checks.expect(f"{name}{ending}, {window}: {info}", (info["rule"], info["low"], info["high"]) == want)
            checks.expect(f"{name}{ending}, {window}", got == bytes_wanted.tobytes())


def main():
    program = sys.argv[1]
    checks = Checks()
    rng = numpy.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        for name, volume in volumes(rng):
            check_given(checks, program, name, volume)
            check_automatic(checks, program, name, volume)
            check_streamed(checks, program, name, volume, folder)
    check_scaled(checks, program, rng)
    print(f"{checks.done} comparisons, {checks.wrong} differ")
    return 1 if checks.wrong or checks.done < 800 else 0


if __name__ == "__main__":
    sys.exit(main())
