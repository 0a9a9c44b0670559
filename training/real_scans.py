"""Scenes from real scans whose licence allows it (DATA.md): cut anew along a random plane, with a
random slice thickness and window, warped a little.

Objects are regions of label maps that lie on the scan, pseudo-objects (regions of a watershed or of
a grey level), and synthetic lesions blended in.
"""

import functools
import glob
import os
import plistlib

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

import shapes
import synthetic
from scene import Scene

DATA = os.environ.get(
    "VOXLABEL_TRAINING_DATA",
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "training", "data"),
)
TEMPLATES = os.path.join(DATA, "mricron-data/usr/share/mricron/templates")
CT_WINDOWS = [(40, 400), (40, 400), (40, 150), (50, 250), (300, 1500), (-200, 1000), (-400, 1500)]


class Scan:
    """voxels and label maps on one grid, axes in any order; spacing in mm along them. An axial scan
    is too thin to be cut otherwise; its slices are along the last axis."""

    def __init__(self, voxels, spacing, modality, maps=(), axial=False):
        self.axial = axial
        self.voxels, self.spacing = voxels, np.array(spacing, float)
        self.modality, self.maps = modality, list(maps)


def nifti(path):
    import nibabel

    image = nibabel.load(path)
    return np.asanyarray(image.dataobj), image.affine, image.header.get_zooms()[:3]


def on_grid(path, shape, affine):
    """A label map brought to the grid of a scan by its own affine, nearest voxel."""
    labels, own, _ = nifti(path)
    way = np.linalg.inv(own) @ affine
    return ndimage.affine_transform(labels, way[:3, :3], way[:3, 3], shape, order=0)


def colin(name, maps):
    voxels, affine, spacing = nifti(os.path.join(TEMPLATES, name))
    wanted = [on_grid(os.path.join(TEMPLATES, m), voxels.shape, affine) for m in maps]
    return Scan(voxels, spacing, "MR", wanted)


def cranium():
    folder = os.path.join(DATA, "cranium")
    with open(os.path.join(folder, "main.plist"), "rb") as stream:
        about = plistlib.load(stream)
    matrix = about["matrix"]
    voxels = np.fromfile(os.path.join(folder, matrix["filename"]), matrix["dtype"])
    return Scan(voxels.reshape(matrix["shape"]), about["spacing"][::-1], "CT")


def icbm():
    import nilearn

    folder = os.path.join(os.path.dirname(nilearn.__file__), "datasets", "data")
    name = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
    voxels, _, spacing = nifti(os.path.join(folder, name.format("t1")))
    grey, white = (nifti(os.path.join(folder, name.format(k)))[0] for k in ("gm", "wm"))
    tissue = np.where(white > grey, 2, 1) * (np.maximum(white, grey) > 0.5 * grey.max())
    return Scan(voxels, spacing, "MR", [tissue.astype(np.uint8)])


def totalsegmentator(image, labels=()):
    folder = os.path.join(DATA, "totalsegmentator")
    voxels, _, spacing = nifti(os.path.join(folder, image))
    maps = [nifti(os.path.join(folder, name))[0] for name in labels]
    modality = "MR" if "_mr_" in image else "CT"
    return Scan(voxels.astype(np.int16), spacing, modality, [m.astype(np.uint8) for m in maps])


def abdomen():
    """A DICOM series, rows and columns as in its label map."""
    import pydicom

    folder = os.path.join(DATA, "totalsegmentator")
    files = glob.glob(os.path.join(folder, "example_ct_dicom", "*"))
    slices = sorted(
        (pydicom.dcmread(f) for f in files), key=lambda s: float(s.ImagePositionPatient[2])
    )
    first = slices[0]
    voxels = np.stack(
        [s.pixel_array.T * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices], 2
    )
    thick = abs(float(slices[1].ImagePositionPatient[2]) - float(first.ImagePositionPatient[2]))
    labels, affine, _ = nifti(os.path.join(folder, "example_seg_dicom.nii.gz"))
    if affine[0, 0] > 0:  # DICOM columns run towards the left
        labels = labels[::-1]
    if affine[1, 1] > 0:
        labels = labels[:, ::-1]
    if affine[2, 2] < 0:
        labels = labels[:, :, ::-1]
    spacing = [float(v) for v in first.PixelSpacing] + [thick]
    return Scan(voxels.astype(np.int16), spacing, "CT", [labels], axial=True)


LABELS = [
    "aal.nii.gz",
    "HarvardOxford-cort-maxprob-thr0-1mm.nii.gz",
    "JHU-WhiteMatter-labels-1mm.nii.gz",
]
SOURCES = {
    "body": (
        0.22,
        lambda: totalsegmentator("example_ct.nii.gz", ["example_seg_fast_force_split.nii.gz"]),
    ),
    "chest": (0.25, lambda: totalsegmentator("aorta_report/example_ct.nii.gz")),
    "abdomen": (0.2, abdomen),
    "body-mr": (0.04, lambda: totalsegmentator("example_mr_sm.nii.gz", ["example_seg_mr.nii.gz"])),
    "colin": (0.1, lambda: colin("ch2.nii.gz", LABELS)),
    "colin-fine": (0.08, lambda: colin("ch2better.nii.gz", ["aal.nii.gz"])),
    "cranium": (0.12, cranium),
    "icbm": (0.08, icbm),
}


@functools.lru_cache(maxsize=None)
def source(name):
    return SOURCES[name][1]()


class Cut:
    """Places of the voxels of a new scan in an old one."""

    def __init__(self, rng, scan, canvas):
        order = np.array([2, 1, 0]) if scan.axial else rng.permutation(3)
        turn = shapes.random_rotation(rng, flat=True) if rng.random() < 0.5 else np.eye(3)
        turn = turn @ np.eye(3)[order] * rng.choice([-1, 1], 3)
        extent = np.array(scan.voxels.shape) * scan.spacing
        # The new scan lies inside the old one where it can.
        half = np.minimum(np.abs(turn) @ canvas.extent / 2, extent / 2) * 0.9
        middle = half + (extent - 2 * half) * rng.uniform(0, 1, 3)
        box = shapes.Box(canvas.shape, canvas.spacing, canvas.extent / 2, 1e4)
        bend = rng.uniform(0, 5) if rng.random() < 0.6 else 0.0
        places = [p + bend * box.noise(rng, 45.0) * 0.5 for p in box.places()]
        self.places = np.empty((3,) + canvas.shape, np.float32)
        for a in range(3):
            mm = sum(turn[a, b] * places[b] for b in range(3)) + middle[a]
            self.places[a] = mm / scan.spacing[a]

    def image(self, voxels):
        return ndimage.map_coordinates(
            voxels, self.places, np.float32, order=1, mode="constant", cval=float(voxels.min())
        )

    def labels(self, labels, fine):
        return ndimage.map_coordinates(
            labels, self.places[:, fine // 2 :: fine], order=0, mode="constant"
        )


def tone_curve(rng):
    """Other contrasts than that of the scan: a random curve, rising or not."""
    knots = np.linspace(0, 1, rng.integers(4, 8))
    if rng.random() < 0.5:
        values = np.sort(rng.uniform(0, 1, len(knots)))
    else:
        values = rng.uniform(0, 1, len(knots))
        values[0] = values[0] * 0.2
    return lambda x: np.interp(x, knots, values).astype(np.float32)


def display(rng, scan, image):
    """Grey values between 0 and 1, and where the body is."""
    if scan.modality == "CT":
        low, width = CT_WINDOWS[rng.integers(len(CT_WINDOWS))]
        low, width = low - width / 2 + rng.normal(0, 0.05) * width, width * np.exp(
            rng.normal(0, 0.15)
        )
    else:
        low, high = np.percentile(scan.voxels[scan.voxels > 0][::97], [0.5, 99.5])
        width = high - low
    air = -300 if scan.modality == "CT" else low + 0.08 * width
    body = image > air
    image = np.clip((image - low) / width, 0, 1)
    if scan.modality == "MR" and rng.random() < 0.5:
        image = tone_curve(rng)(image)
    return image, body


def add_map_regions(canvas, labels, most=8):
    rng = canvas.rng
    values, counts = np.unique(labels, return_counts=True)
    fit = values[(values > 0) & (counts > 150) & (counts < 0.2 * labels.size)]
    for value in rng.permutation(fit)[:most]:
        synthetic.new_object(canvas, (slice(None),) * 3, labels == value)


def add_watershed_regions(canvas, image, most=6):
    """Basins of the gradient that have a size and an edge."""
    rng = canvas.rng
    smooth = ndimage.gaussian_filter(image, (0.3, *[rng.uniform(0.8, 2.5)] * 2))
    slope = ndimage.gaussian_gradient_magnitude(smooth, (0.5, 1, 1))
    seeds = ndimage.minimum_filter(slope, (3, 9, 9)) == slope
    seeds, count = ndimage.label(seeds & (slope < np.percentile(slope, 40)))
    if count < 2:
        return
    basins = watershed(slope, seeds)
    sizes = np.bincount(basins.ravel())
    fit = np.flatnonzero((sizes > 200) & (sizes < 0.1 * image.size))
    levels = ndimage.mean(image, basins, fit) if len(fit) else []
    free = canvas.labels == 0
    for number, level in zip(
        *(np.array(v)[rng.permutation(len(fit))[: 3 * most]] for v in (fit, levels))
    ):
        mask = (basins == number) & (np.abs(smooth - level) < 0.12)
        mask = ndimage.binary_opening(mask, np.ones((1, 3, 3))) & free
        if mask.sum() > 200:
            synthetic.new_object(canvas, (slice(None),) * 3, mask)
            most -= 1
        if most == 0:
            break


def add_level_regions(canvas, image, most=5):
    """Connected regions of a band of grey, holes filled in the plane."""
    rng = canvas.rng
    smooth = ndimage.gaussian_filter(image, (0.3, 1, 1))
    cuts = np.sort(rng.uniform(0.05, 0.95, 3))
    bands = np.digitize(smooth, cuts)
    for band in range(4):
        core = ndimage.binary_opening(bands == band, np.ones((1, 5, 5)))
        parts, count = ndimage.label(core)
        sizes = np.bincount(parts.ravel())
        fit = [n for n in range(1, count + 1) if 250 < sizes[n] < 0.1 * image.size]
        for n in rng.permutation(fit)[:2]:
            mask = ndimage.binary_dilation(parts == n, np.ones((1, 3, 3)))
            mask &= ndimage.binary_dilation(bands == band, np.ones((1, 3, 3)))
            mask = np.stack([ndimage.binary_fill_holes(m) for m in mask]) & (canvas.labels == 0)
            if mask.sum() > 200 and most > 0:
                synthetic.new_object(canvas, (slice(None),) * 3, mask)
                most -= 1


def add_lesions(canvas, body):
    """Synthetic lesions blended in; what lies below them owns them too."""
    rng = canvas.rng
    body = np.argwhere(body[::2, ::4, ::4]) * [2, 4, 4]
    if len(body) == 0:
        return
    for _ in range(rng.integers(3, 7)):
        size = float(np.exp(rng.uniform(np.log(7), np.log(45))))
        size = min(max(size, 8 * canvas.spacing[1]), 0.45 * canvas.extent[1], canvas.extent[0])
        at = body[rng.integers(len(body))]
        below = int(canvas.labels[at[0] // canvas.fine, at[1], at[2]])
        synthetic.add_target(
            canvas,
            rng.choice(["blob"] * 4 + ["lobes"] * 3 + ["ellipsoid", "folded"]),
            at * canvas.spacing,
            size,
            below or None,
        )


def scan_canvas(rng, scan):
    native = float(scan.spacing.min())
    if scan.axial:
        step, thick = (
            scan.spacing[0] * rng.uniform(0.7, 1.1),
            rng.uniform(1.0, 2.0) * scan.spacing[2],
        )
        slices = max(8, int(scan.voxels.shape[2] * scan.spacing[2] / thick))
    else:
        step = native * rng.uniform(0.8, 1.8) if native > 0.8 else rng.uniform(0.5, 1.3)
        step = min(step, rng.uniform(1.2, 3.0))
        thick = step if rng.random() < 0.1 else max(step, rng.uniform(1.2, 6.5))
        slices = int(np.clip(round(rng.uniform(30, 110) / thick), 8, 26))
    return synthetic.Canvas(rng, thick, step, slices, int(rng.integers(8, 14)) * 16)


def real_scene(seed):
    rng = np.random.default_rng([seed, 2])
    names = list(SOURCES)
    shares = np.array([SOURCES[n][0] for n in names])
    name = names[rng.choice(len(names), p=shares / shares.sum())]
    scan = source(name)
    canvas = scan_canvas(rng, scan)
    cut = Cut(rng, scan, canvas)
    canvas.image[:], body = display(rng, scan, cut.image(scan.voxels))
    thick = canvas.image.reshape(-1, canvas.fine, *canvas.shape[1:]).mean(1)
    if scan.maps and rng.random() < 0.6:
        add_map_regions(canvas, cut.labels(scan.maps[rng.integers(len(scan.maps))], canvas.fine))
    if rng.random() < 0.6:
        add_watershed_regions(canvas, thick)
    if rng.random() < 0.5:
        add_level_regions(canvas, thick)
    add_lesions(canvas, body)
    image = canvas.image.reshape(-1, canvas.fine, *canvas.shape[1:]).mean(1)
    noise = synthetic.correlated_noise(rng, image.shape, rng.uniform(0, 1.2), 0)
    image += noise * np.exp(rng.uniform(np.log(0.003), np.log(0.05)))
    grey = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    return Scene(grey, canvas.labels, canvas.scan_spacing, canvas.members, "real:" + name)
