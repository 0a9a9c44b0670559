"""Synthetic scans: a background of tissues, objects painted on it, and what scanners add.

Grey values are in display units, 0 black and 1 white; what lies outside is clipped at the end, as
an intensity window does.
"""

import numpy as np
from scipy import ndimage

import shapes
from scene import Scene

TARGETS = (
    ["blob"] * 6
    + ["ellipsoid"] * 2
    + ["lobes"] * 4
    + ["folded"]
    + ["tube"] * 2
    + ["branches"]
    + ["shell"]
)
CLUTTER = ["blob", "lobes", "tube", "tube", "branches", "ellipsoid", "folded", "shell"]


class Canvas:
    """The scan in the making. Along z it is `fine` times as fine as the scan."""

    def __init__(self, rng, thick, step, slices, side):
        self.rng = rng
        self.fine = 2 if thick > 2.2 else 1
        self.spacing = np.array([thick / self.fine, step, step])
        self.scan_spacing = np.array([thick, step, step])
        self.shape = (slices * self.fine, side, side)
        self.extent = np.array(self.shape) * self.spacing
        self.image = np.zeros(self.shape, np.float32)
        self.labels = np.zeros((slices, side, side), np.uint8)
        self.members = {}

    def noise(self, size):
        return shapes.smooth_noise(self.rng, self.shape, size, self.spacing)

    def paint(self, box, f, value, soft):
        """Lays value over the image where f is negative; the edge is `soft` mm wide."""
        alpha = 1 / (1 + np.exp(np.clip(f / max(soft, 1e-3), -30, 30)))
        part = self.image[box.slices]
        part += alpha * (value - part)

    def coarse(self, box, inside):
        """Where the object fills at least half of a voxel of the scan, as (slices, mask)."""
        whole = np.zeros((self.shape[0],) + inside.shape[1:], np.float32)
        whole[box.slices[0]] = inside
        whole = whole.reshape(-1, self.fine, *inside.shape[1:]).mean(1) >= 0.5
        return (slice(None),) + box.slices[1:], whole


def blank_canvas(rng):
    step = rng.uniform(0.35, 1.1)
    thick = step * rng.uniform(1, 1.5) if rng.random() < 0.15 else rng.uniform(1.5, 7.0)
    slices = int(np.clip(round(rng.uniform(30, 110) / thick), 8, 28))
    return Canvas(rng, thick, step, slices, int(rng.integers(8, 14)) * 16)


def texture(rng, box, size):
    kind = rng.random()
    if kind < 0.3:
        return np.float32(0)
    lump = np.clip(size * rng.uniform(0.08, 0.5), 1.0, 15.0)
    return box.noise(rng, lump) * rng.uniform(0.01, 0.07)


def tissues(canvas):
    """The whole field: warped cells, layers of a body, air with walls, or one plain tissue."""
    rng, style = canvas.rng, canvas.rng.random()
    image = canvas.image
    levels = rng.uniform(-0.1, 1.0, 12)
    if rng.random() < 0.5:  # soft tissues of a CT window lie close together
        levels = 0.45 + rng.uniform(-0.14, 0.14, 12)
        levels[rng.integers(0, 12, 4)] = rng.choice([-0.2, 0.12, 0.15, 1.3], 4)
    if style < 0.45:
        size = rng.uniform(18, 60)
        best = None
        for level in levels[: rng.integers(3, 9)]:
            field = canvas.noise(size) + 0.25 * canvas.noise(size * 0.3) + rng.uniform(-0.7, 0.7)
            if best is None:
                best, image[:] = field, level
            else:
                won = field > best
                best = np.maximum(best, field)
                image[won] = level
        if rng.random() < 0.5:  # fat between organs
            first = canvas.noise(size * 0.6)
            image[np.abs(first) < rng.uniform(0.05, 0.3)] = rng.choice([0.1, 0.15, 0.9])
    elif style < 0.75:
        mean = levels[0]
        image[:] = mean
        for level in levels[1 : rng.integers(2, 5)]:
            image[canvas.noise(rng.uniform(10, 60)) > rng.uniform(0.4, 1.6)] = level
    else:
        body = shapes.Box(canvas.shape, canvas.spacing, canvas.extent / 2, 1e4)
        r = canvas.extent * rng.uniform(0.38, 0.75, 3)
        r[0] = r[1:].mean() * 3
        d = shapes.radial(rng, body, r, warp=0.3, lumps=0.5)
        image[:] = rng.choice([-0.1, 0.0, levels[0]])
        edges = np.sort(rng.uniform(0.5, 1.0, 4))[::-1]
        for edge, level in zip(edges, levels):
            image[d < edge] = level
        inner = canvas.noise(rng.uniform(15, 50)) > rng.uniform(-0.5, 1.2)
        image[inner & (d < edges[-1])] = levels[6]
    if rng.random() < 0.7:
        image += canvas.noise(rng.uniform(2, 12)) * rng.uniform(0.005, 0.04)


def local_level(canvas, box, f):
    ring = (f > 0) & (f < 4)
    part = canvas.image[box.slices]
    return float(part[ring].mean()) if ring.any() else float(part.mean())


def make_shape(canvas, kind, size, centre):
    return shapes.KINDS[kind](canvas.rng, canvas.shape, canvas.spacing, centre, size)


def add_clutter(canvas):
    rng = canvas.rng
    for _ in range(rng.integers(4, 16)):
        size = float(np.exp(rng.uniform(np.log(5), np.log(45))))
        box, f = make_shape(canvas, rng.choice(CLUTTER), size, rng.uniform(0, 1, 3) * canvas.extent)
        level = rng.choice(
            [rng.uniform(-0.2, 1.2), local_level(canvas, box, f) + rng.normal() * 0.12]
        )
        canvas.paint(box, f, level + texture(rng, box, size), rng.uniform(0.1, 0.6))


def inside_of(rng, box, f, value, size):
    """What a lesion looks like inside: a core, a rim, septa, a second tissue, or nothing."""
    kind = rng.random()
    value = value + np.zeros(box.shape, np.float32)
    if kind < 0.2:
        depth = size * rng.uniform(0.05, 0.2)
        core = f + depth + box.noise(rng, size * 0.4) * size * 0.05
        value = value + rng.normal() * 0.25 / (1 + np.exp(np.clip(core, -30, 30)))
    elif kind < 0.3:
        value = value + rng.normal() * 0.2 * (f > -max(size * 0.08, 1.5))
    elif kind < 0.42:
        part = box.noise(rng, size * rng.uniform(0.3, 0.7)) > rng.uniform(0.2, 1.2)
        value = value + rng.normal() * 0.25 * ndimage.gaussian_filter(part.astype(np.float32), 0.7)
    elif kind < 0.5:
        septa = np.abs(box.noise(rng, size * 0.35)) < 0.12
        value = value + rng.normal() * 0.15 * septa
    return value + texture(rng, box, size)


def touching(canvas, box, f, value, size):
    """Neighbours of the same grey that lean on the object: only the shape tells them apart."""
    rng = canvas.rng
    centre = [-a[0] + s.start * d for a, s, d in zip(box.axes, box.slices, canvas.spacing)]
    away = rng.standard_normal(3)
    away = away / np.linalg.norm(away) * size * rng.uniform(0.55, 0.9)
    other, g = make_shape(
        canvas,
        rng.choice(["blob", "tube", "ellipsoid", "lobes"]),
        size * rng.uniform(0.4, 1.3),
        np.array(centre) + away,
    )
    canvas.paint(other, g, value + rng.normal() * 0.03 + texture(rng, other, size), 0.3)


def new_object(canvas, where, mask):
    number = len(canvas.members) + 1
    canvas.labels[where][mask] = number
    canvas.members[number] = [number]
    return number


def add_target(canvas, kind, centre, size, parent=None):
    rng = canvas.rng
    box, f = make_shape(canvas, kind, size, centre)
    where, mask = canvas.coarse(box, f < 0)
    if mask.sum() < 40 or len(canvas.members) >= 250:
        return None
    contrast = rng.choice([-1, 1]) * np.exp(rng.uniform(np.log(0.07), np.log(0.5)))
    value = local_level(canvas, box, f) + contrast
    if rng.random() < 0.3:
        touching(canvas, box, f, value, size)
    canvas.paint(
        box, f, inside_of(rng, box, f, value, size), np.exp(rng.uniform(np.log(0.1), np.log(1.0)))
    )
    number = new_object(canvas, where, mask)
    if parent:
        canvas.members[parent].append(number)
    return number, box, f


def add_targets(canvas):
    rng = canvas.rng
    smallest = canvas.extent.min()
    for _ in range(rng.integers(4, 9)):
        size = float(
            np.clip(
                np.exp(rng.uniform(np.log(6), np.log(60))),
                8 * canvas.spacing[1],
                0.5 * canvas.extent[1],
            )
        )
        size = min(size, 1.6 * smallest)
        centre = rng.uniform(0.15, 0.85, 3) * canvas.extent
        made = add_target(canvas, rng.choice(TARGETS), centre, size)
        if made and size > 25 and rng.random() < 0.5:  # lesions in the organ
            number, box, f = made
            deep = np.argwhere(f < -size * 0.12)
            for _ in range(rng.integers(1, 3)):
                if len(deep):
                    at = deep[rng.integers(len(deep))] + [s.start for s in box.slices]
                    add_target(
                        canvas,
                        rng.choice(["blob", "ellipsoid", "lobes"]),
                        at * canvas.spacing,
                        size * rng.uniform(0.2, 0.45),
                        number,
                    )


def streaks(rng, image):
    """Bright and dark rays from a few places, as metal makes in a CT."""
    side = image.shape[1]
    y, x = np.mgrid[:side, :side].astype(np.float32)
    for _ in range(rng.integers(1, 4)):
        cy, cx = rng.uniform(-0.2, 1.2, 2) * side
        angle = np.arctan2(y - cy, x - cx)
        rays = np.zeros_like(y)
        for _ in range(rng.integers(4, 14)):
            rays += rng.normal() * np.exp(
                -((np.sin(angle - rng.uniform(0, 2 * np.pi)) / 0.02) ** 2)
            )
        k = rng.integers(0, image.shape[0], rng.integers(1, 5))
        image[k] += rays * rng.uniform(0.03, 0.15)


def correlated_noise(rng, shape, blur, blur_z):
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, (blur_z, blur, blur)) if blur > 0.2 else noise
    return noise / noise.std()


def scanner(canvas):
    """Slices of their thickness, point spread, bias, noise, streaks, window."""
    rng = canvas.rng
    image = canvas.image.reshape(-1, canvas.fine, *canvas.shape[1:]).mean(1)
    image = ndimage.gaussian_filter(image, (rng.choice([0, 0, 0.4]), *[rng.uniform(0.3, 1.1)] * 2))
    if rng.random() < 0.35:
        bias = shapes.smooth_noise(rng, image.shape, rng.uniform(60, 200), canvas.scan_spacing)
        image *= np.exp(bias * rng.uniform(0.05, 0.25))
    amount = np.exp(rng.uniform(np.log(0.006), np.log(0.09)))
    noise = correlated_noise(rng, image.shape, rng.uniform(0, 1.3), rng.choice([0, 0.5])) * amount
    if rng.random() < 0.25:  # magnitude images
        other = correlated_noise(rng, image.shape, 0.5, 0) * amount
        image = np.sqrt((np.maximum(image, 0) + noise) ** 2 + other**2)
    else:
        image += noise
    if rng.random() < 0.15:
        streaks(rng, image)
    return image


def to_bytes(rng, image):
    low, high = rng.normal(0, 0.06), 1 + rng.normal(0, 0.12)
    image = np.clip((image - low) / (high - low), 0, 1)
    return (image * 255).astype(np.uint8)


def synthetic_scene(seed):
    rng = np.random.default_rng([seed, 1])
    canvas = blank_canvas(rng)
    tissues(canvas)
    add_clutter(canvas)
    add_targets(canvas)
    return Scene(
        to_bytes(rng, scanner(canvas)),
        canvas.labels,
        canvas.scan_spacing,
        canvas.members,
        "synthetic",
    )
