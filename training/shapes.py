"""Random shapes as fields: a field is about the signed distance in mm, negative inside."""

import numpy as np
from scipy import ndimage


def spline_weights(n, cells):
    """Cubic B-spline weights of `cells` + 3 knots at n equally spaced places."""
    at = np.linspace(0, cells, n, endpoint=False)
    i = at.astype(int)
    t = (at - i)[:, None]
    w = (
        np.concatenate(
            [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1
        )
        / 6
    )
    table = np.zeros((n, cells + 3), np.float32)
    for k in range(4):
        table[np.arange(n), i + k] = w[:, k]
    return table


def smooth_noise(rng, shape, size, spacing):
    """Noise of mean 0 and deviation about 1 whose lumps are about `size` mm wide."""
    cells = [max(1, int(round(n * s / size))) for n, s in zip(shape, spacing)]
    knots = rng.standard_normal([c + 3 for c in cells]).astype(np.float32)
    for axis, (n, c) in enumerate(zip(shape, cells)):
        knots = np.moveaxis(np.tensordot(spline_weights(n, c), knots, (1, axis)), 0, axis)
    return np.ascontiguousarray(knots) * 1.8


def random_rotation(rng, flat=False):
    q = rng.standard_normal(4)
    if flat:
        q[2:] *= 0.15
    w, x, y, z = q / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


class Box:
    """The part of a grid that a shape can reach, with its places in mm."""

    def __init__(self, shape, spacing, centre, reach):
        reach = np.broadcast_to(reach, 3)
        low = [max(0, int(np.floor((c - r) / s))) for c, r, s in zip(centre, reach, spacing)]
        high = [
            min(n, int(np.ceil((c + r) / s)) + 1)
            for c, r, s, n in zip(centre, reach, spacing, shape)
        ]
        high = [max(h, min(l + 1, n)) for l, h, n in zip(low, high, shape)]
        low = [min(l, h - 1) for l, h in zip(low, high)]
        self.slices = tuple(slice(l, h) for l, h in zip(low, high))
        self.shape = tuple(h - l for l, h in zip(low, high))
        self.spacing = spacing
        self.axes = [
            (np.arange(l, h, dtype=np.float32) * s - c)
            for l, h, s, c in zip(low, high, spacing, centre)
        ]

    def noise(self, rng, size):
        return smooth_noise(rng, self.shape, size, self.spacing)

    def places(self):
        z, y, x = self.axes
        return z[:, None, None], y[None, :, None], x[None, None, :]


def radii(rng, size, elongation=2.2):
    """Three radii whose geometric mean is half of size."""
    r = np.exp(rng.uniform(-1, 1, 3) * np.log(elongation) / 2)
    return size / 2 * r / r.prod() ** (1 / 3)


def radial(rng, box, r, warp=0.0, lumps=1.0):
    """Distance from the centre in radii; the place is displaced by `warp` radii."""
    turn = random_rotation(rng)
    z, y, x = box.places()
    mean = r.mean()
    if warp > 0:
        z, y, x = (p + warp * mean * box.noise(rng, mean * lumps) * 0.35 for p in (z, y, x))
    total = 0
    for row, radius in zip(turn, r):
        total = total + ((row[0] * z + row[1] * y + row[2] * x) / radius) ** 2
    return np.sqrt(total)


def ellipsoid(rng, shape, spacing, centre, size):
    r = radii(rng, size)
    box = Box(shape, spacing, centre, r.max() * 1.3)
    return box, (radial(rng, box, r) - 1) * r.mean()


def blob(rng, shape, spacing, centre, size):
    """An ellipsoid with bumps of two sizes."""
    r = radii(rng, size)
    box = Box(shape, spacing, centre, r.max() * 1.6)
    f = radial(rng, box, r, warp=rng.uniform(0.1, 0.8), lumps=rng.uniform(0.7, 1.6)) - 1
    f = f + rng.uniform(0, 0.18) * box.noise(rng, r.mean() * rng.uniform(0.25, 0.6))
    return box, f * r.mean()


def lobes(rng, shape, spacing, centre, size):
    """Several blobs grown together."""
    box = Box(shape, spacing, centre, size)
    f = None
    for _ in range(rng.integers(2, 5)):
        offset = rng.standard_normal(3) * size * 0.22
        part = size * rng.uniform(0.4, 0.75)
        r = radii(rng, part, 1.6)
        z, y, x = box.places()
        d = np.sqrt(
            ((z - offset[0]) / r[0]) ** 2
            + ((y - offset[1]) / r[1]) ** 2
            + ((x - offset[2]) / r[2]) ** 2
        )
        d = (d - 1) * r.mean()
        f = d if f is None else np.minimum(f, d)
    return box, f + rng.uniform(0, 0.08) * size * box.noise(rng, size * 0.3)


def folded(rng, shape, spacing, centre, size):
    """A lump whose surface goes in and out, as a cortex or a bowel."""
    r = radii(rng, size, 1.5)
    box = Box(shape, spacing, centre, r.max() * 1.5)
    fold = np.abs(box.noise(rng, size * rng.uniform(0.15, 0.3)))
    f = radial(rng, box, r, warp=0.3) - 1 + rng.uniform(0.25, 0.6) * (0.6 - fold)
    return box, f * r.mean()


def curve(rng, length, bend, flat):
    """Points about a mm apart along a wandering line through the origin."""
    n = max(8, int(length))
    step = rng.standard_normal(3)
    step /= np.linalg.norm(step)
    turn = ndimage.gaussian_filter1d(rng.standard_normal((n, 3)), max(2.0, n * 0.12), axis=0)
    turn *= bend * np.sqrt(max(2.0, n * 0.12))
    way, points = step, [np.zeros(3)]
    for i in range(n - 1):
        way = way + turn[i] * 0.15
        way[0] *= flat
        way = way / np.linalg.norm(way)
        points.append(points[-1] + way * length / n)
    points = np.array(points)
    return points - points[n // 2]


def near_points(box, points, widths):
    """min over points of distance minus width, by distance transforms of a few width classes."""
    f = np.full(box.shape, 1e3, np.float32)
    first = np.array([a[0] for a in box.axes])
    index = np.round((points - first) / box.spacing).astype(int)
    inside = np.all((index >= 0) & (index < box.shape), axis=1)
    classes = np.round(widths * 4) / 4
    for w in np.unique(classes[inside]):
        seeds = np.ones(box.shape, bool)
        chosen = index[inside & (classes == w)]
        seeds[tuple(chosen.T)] = False
        f = np.minimum(f, ndimage.distance_transform_edt(seeds, box.spacing).astype(np.float32) - w)
    return f


def tube(rng, shape, spacing, centre, size):
    length = size * rng.uniform(1.2, 3.0)
    points = curve(rng, length, rng.uniform(0.1, 1.0), rng.uniform(0.5, 1.0))
    width = max(size * rng.uniform(0.12, 0.3), 1.2 * spacing[1])
    box = Box(shape, spacing, centre, np.abs(points).max(0) + width * 1.5)
    widths = width * (1 + 0.25 * np.sin(np.linspace(0, rng.uniform(1, 9), len(points))))
    return box, near_points(box, points, np.round(widths))


def branches(rng, shape, spacing, centre, size):
    points, widths = [], []
    width = max(size * rng.uniform(0.08, 0.2), spacing[1])
    stems = [(np.zeros(3), size * 1.2, width)]
    while stems:
        origin, length, w = stems.pop()
        line = curve(rng, length, 0.6, 0.8)
        line = line - line[0] + origin
        points.append(line)
        widths.append(np.full(len(line), w))
        if w > width * 0.45 and len(points) < 12:
            for _ in range(2):
                at = line[rng.integers(len(line) // 2, len(line))]
                stems.append((at, length * 0.7, w * 0.72))
    points, widths = np.concatenate(points), np.concatenate(widths)
    points = points - points.mean(0)
    box = Box(shape, spacing, centre, np.minimum(np.abs(points).max(0) + width, size * 1.5))
    return box, near_points(box, points, widths)


def shell(rng, shape, spacing, centre, size):
    """The wall of a blob."""
    box, f = blob(rng, shape, spacing, centre, size)
    wall = max(size * rng.uniform(0.05, 0.14), 1.3 * spacing[1])
    return box, np.abs(f + wall / 2) - wall / 2


KINDS = {
    "ellipsoid": ellipsoid,
    "blob": blob,
    "lobes": lobes,
    "folded": folded,
    "tube": tube,
    "branches": branches,
    "shell": shell,
}
