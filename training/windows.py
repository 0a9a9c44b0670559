"""The zoom window: which part of the slices the network sees, as the program chooses it."""

import math

import numpy as np
from PIL import Image

CLICK_LENGTH = 48.0  # mm
MAX_GROWTH = 3  # times doubled


def nearest(x):
    return math.floor(x + 0.5)


class Window:
    """origin and size in voxels, (i, j) order: i runs along a row."""

    def __init__(self, centre, length, spacing, extent):
        """centre (i, j), length in mm, spacing and extent of the slice in (i, j) order."""
        self.extent = tuple(int(n) for n in extent)
        self.origin, self.size = [0, 0], [0, 0]
        for a in range(2):
            n = 16 * math.ceil(length / spacing[a] / 16)
            start = 8 * nearest((centre[a] - n / 2) / 8)
            if n <= extent[a]:
                start = min(max(start, 0), extent[a] - n)
            else:
                start = -((n - extent[a]) // 2)
            self.size[a], self.origin[a] = n, int(start)

    def cut(self, slices, fill):
        """The window's part of (slices, rows, columns)."""
        (i0, j0), (n, m) = self.origin, self.size
        w, h = self.extent
        a0, b0, a1, b1 = max(i0, 0), max(j0, 0), min(i0 + n, w), min(j0 + m, h)
        part = slices[:, b0:b1, a0:a1]
        if part.shape[1:] == (m, n):
            return part
        out = np.full((len(slices), m, n), fill, slices.dtype)
        out[:, b0 - j0 : b1 - j0, a0 - i0 : a1 - i0] = part
        return out

    def to_network(self, points, side):
        """Voxel indices (i, j) to pixels of the network's image."""
        return (np.asarray(points, float) - self.origin) / self.size * side

    def touches_rim(self, mask):
        """Whether a mask (slices, rows, columns) of the whole slices reaches the rim of the window
        at a place inside the slice."""
        (i0, j0), (n, m) = self.origin, self.size
        w, h = self.extent
        rim = []
        if i0 > 0:
            rim.append(mask[:, :, i0])
        if i0 + n < w:
            rim.append(mask[:, :, i0 + n - 1])
        if j0 > 0:
            rim.append(mask[:, j0])
        if j0 + m < h:
            rim.append(mask[:, j0 + m - 1])
        return any(r.any() for r in rim)


def box_length(rectangle, factor, spacing):
    """Length in mm for a rectangle i0, j0, i1, j1 with inclusive corners."""
    i0, j0, i1, j1 = rectangle
    longer = max((i1 - i0 + 1) * spacing[0], (j1 - j0 + 1) * spacing[1])
    return max(factor * longer, 48 * min(spacing))


def box_window(rectangle, factor, spacing, extent):
    i0, j0, i1, j1 = rectangle
    return Window(
        ((i0 + i1) / 2, (j0 + j1) / 2), box_length(rectangle, factor, spacing), spacing, extent
    )


def click_window(clicks, spacing, extent, doublings=0):
    centre = np.mean(np.asarray(clicks, float), axis=0)
    return Window(centre, CLICK_LENGTH * 2**doublings, spacing, extent)


def rectangle_of(mask):
    """i0, j0, i1, j1 of a mask (rows, columns)."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])]


def resize_bytes(slices, side):
    """Bicubic, as Pillow's default; the program does the same."""
    return np.stack(
        [np.asarray(Image.fromarray(np.ascontiguousarray(s)).resize((side, side))) for s in slices]
    )


def resize_mask(slices, side):
    grey = [Image.fromarray(np.ascontiguousarray(s).astype(np.uint8) * 255) for s in slices]
    return np.stack([np.asarray(g.resize((side, side), Image.BILINEAR)) > 127 for g in grey])
