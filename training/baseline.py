"""What needs no network: a threshold or region growing inside the same box over the same slices."""

import numpy as np
from scipy import ndimage

WIDTHS = (1.0, 1.5, 2.0, 2.5, 3.0)
RULE = ("grow", 2.0)  # the one rule for all volumes


def box_of(case):
    i0, j0, i1, j1 = (int(v) for v in case.rectangle)
    first, last = case.borders
    return slice(first, last + 1), slice(j0, j1 + 1), slice(i0, i1 + 1)


def middle(part):
    """The inner third of the box on the key slice."""
    h, w = part.shape
    return part[h // 3 : h - h // 3, w // 3 : w - w // 3]


def otsu(values):
    counts = np.bincount(values.ravel(), minlength=256).astype(float)
    below = counts.cumsum()
    sums = (counts * np.arange(256)).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (sums[-1] * below / below[-1] - sums) ** 2 / (below * (below[-1] - below))
    return int(np.nanargmax(between))


def segment(case, kind, width=2.0):
    """kind: grow (connected to the middle of the key slice), band (not connected), bright, dark."""
    where = box_of(case)
    image = ndimage.gaussian_filter(case.image[where].astype(np.float32), (0, 1, 1))
    key = case.key - case.borders[0]
    seed = middle(image[key])
    if kind in ("bright", "dark"):
        cut = otsu(image.astype(np.uint8))
        found = image > cut if kind == "bright" else image <= cut
    else:
        found = np.abs(image - seed.mean()) <= width * max(float(seed.std()), 4.0)
    if kind == "grow":
        parts, _ = ndimage.label(found)
        at = middle(parts[key])
        counts = np.bincount(at[at > 0].ravel()) if (at > 0).any() else None
        found = parts == counts.argmax() if counts is not None else found
    mask = np.zeros(case.mask.shape, bool)
    mask[where] = np.stack([ndimage.binary_fill_holes(f) for f in found])
    return mask


def variants():
    return [("bright", 0), ("dark", 0)] + [(k, w) for k in ("grow", "band") for w in WIDTHS]
