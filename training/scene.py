"""A prepared scan: bytes, a map of objects, and the list of objects fit to be asked for."""

import json

import numpy as np
from scipy import ndimage


class Scene:
    """image and labels are (slices, rows, columns); members says which label values make up an
    object (an organ includes its lesions)."""

    def __init__(self, image, labels, spacing, members, source, objects=None):
        self.image, self.labels = image, labels
        self.spacing = [float(s) for s in spacing]
        self.members = {int(k): [int(v) for v in vs] for k, vs in members.items()}
        self.source = source
        objects = find_objects(self) if objects is None else objects
        self.objects = {int(k): v for k, v in objects.items()}

    def mask(self, number):
        table = np.zeros(256, bool)
        table[self.members[number]] = True
        return table[self.labels]

    def save(self, path):
        about = dict(
            spacing=self.spacing, members=self.members, source=self.source, objects=self.objects
        )
        np.savez(path, image=self.image, labels=self.labels, about=json.dumps(about))

    @classmethod
    def load(cls, path):
        with np.load(path) as z:
            about = json.loads(str(z["about"]))
            return cls(z["image"], z["labels"], **about)


def visible(image, mask, least=6.0):
    """Whether the grey values on both sides of the edge differ: of a patch along the edge, the
    inside and the outside are compared, so that an object bright here and dark there counts."""
    inner = mask & ~ndimage.binary_erosion(mask, iterations=2)
    outer = ndimage.binary_dilation(mask, iterations=2) & ~mask
    grey = image.astype(np.float32)
    means = []
    for ring in (inner, outer):
        weight = ndimage.uniform_filter(ring.astype(np.float32), 9)
        means.append(ndimage.uniform_filter(grey * ring, 9) / np.maximum(weight, 1e-3))
    edge = inner & (ndimage.uniform_filter(outer.astype(np.float32), 9) > 0.02)
    return edge.any() and np.abs(means[0] - means[1])[edge].mean() >= least


def find_objects(scene, smallest=30, largest=0.35):
    """Objects with a slice of at least `smallest` voxels, at least two slices, not too large a
    part of the slice, not in crumbs, and visible: {number: [first slice, last slice, key slice]}.
    """
    found = {}
    limit = largest * scene.labels[0].size
    for number in scene.members:
        mask = scene.mask(number)
        area = mask.sum((1, 2))
        slices = np.flatnonzero(area)
        if len(slices) < 2 or area.max() < smallest or area.max() > limit:
            continue
        parts, count = ndimage.label(mask, np.ones((3, 3, 3)))
        if count > 1 and np.bincount(parts.ravel())[1:].max() < 0.8 * mask.sum():
            continue
        key = int(area.argmax())
        if not visible(scene.image[key], mask[key]):
            continue
        found[number] = [int(slices[0]), int(slices[-1]), key]
    return found
