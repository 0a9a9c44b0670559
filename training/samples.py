"""Batches of clips: windows of a few slices around objects of prepared scenes, with prompts."""

import numpy as np
import torch
from scipy import ndimage

import windows

ZOOM = 2.5


class Sample:
    """One object in one scene as the network will see it."""

    def __init__(self, scene, number, key, slices, side):
        self.scene, self.number, self.key, self.side = scene, number, key, side
        self.slices = slices
        z, y, x = scene.spacing
        self.spacing, self.extent = (x, y), scene.image.shape[:0:-1]
        self.mask = scene.mask(number)
        self.rectangle, self.clicks, self.window = None, [], None

    def view(self):
        image = self.window.cut(self.scene.image[self.slices], int(self.scene.image.min()))
        mask = self.window.cut(self.mask[self.slices], False)
        return windows.resize_bytes(image, self.side), windows.resize_mask(mask, self.side)


def draw_rectangle(rng, sample):
    """A box as people draw it: tight, a little off, or too wide; whole numbers or floats."""
    tight = np.array(windows.rectangle_of(sample.mask[sample.key]), float)
    kind = rng.random()
    if kind < 0.35:
        return tight
    sides = np.array([tight[2] - tight[0], tight[3] - tight[1]] * 2) + 1
    if kind < 0.75:
        box = tight + rng.normal(0, 0.05, 4) * sides
    elif kind < 0.88:  # a box for several slices is wider than the object on this one
        box = tight + np.array([-1, -1, 1, 1]) * rng.uniform(0, 0.2, 4) * sides
    else:
        box = tight + rng.normal(0, 1.0, 4)
    box = np.array(
        [min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])]
    )
    limit = np.array(list(sample.extent) * 2) - 1
    return np.clip(box if rng.random() < 0.5 else np.round(box), 0, limit)


def draw_clicks(rng, sample, count):
    """Places (i, j) inside the object on the key slice; the first is often in its middle."""
    mask = sample.mask[sample.key]
    rows, columns = np.nonzero(mask)
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1][rows, columns]
    clicks = []
    for i in range(count):
        if i == 0 and rng.random() < 0.5:
            near = np.flatnonzero(depth >= 0.8 * depth.max())
            at = near[rng.integers(len(near))]
        else:
            at = rng.choice(len(rows), p=depth / depth.sum())
        clicks.append((columns[at], rows[at]))
    return clicks


def click_doublings(rng, sample):
    """How often the window has grown when its result is used: until the object fits; a part of
    the samples shows an earlier, too small window."""
    for n in range(windows.MAX_GROWTH + 1):
        window = windows.click_window(sample.clicks, sample.spacing, sample.extent, n)
        if not window.touches_rim(sample.mask):
            break
    return max(0, n - 1) if rng.random() < 0.25 else n


def choose_slices(rng, scene, number, length, before):
    """Key slice and the slices of a clip in pass order; `before` of them come before the key."""
    first, last, key = scene.objects[number]
    if rng.random() < 0.45:
        area = scene.mask(number).sum((1, 2))
        fit = np.flatnonzero(area >= max(20, 0.3 * area.max()))
        key = int(rng.choice(fit))
    way = 1 if rng.random() < 0.5 else -1
    slices = key + way * np.arange(-before, length - before)
    return key, np.clip(slices, 0, len(scene.image) - 1)


def change_grey(rng, image):
    """Contrast, brightness, gamma, and sometimes the negative, the same on all slices."""
    x = np.arange(256) / 255.0
    if rng.random() < 0.5:
        x = x ** np.exp(rng.normal(0, 0.3))
    if rng.random() < 0.5:
        x = np.clip((x - 0.5) * np.exp(rng.normal(0, 0.25)) + 0.5 + rng.normal(0, 0.08), 0, 1)
    if rng.random() < 0.12:
        x = 1 - x
    return (x * 255).astype(np.uint8)[image]


def make_sample(rng, scene, number, layout, length, before, side):
    key, slices = choose_slices(rng, scene, number, length, before)
    sample = Sample(scene, number, key, slices, side)
    if layout["clicks"]:
        sample.clicks = draw_clicks(rng, sample, layout["clicks"])
    if layout["box"] or layout["mask"]:
        exact = np.array(windows.rectangle_of(sample.mask[key]), float)
        sample.rectangle = draw_rectangle(rng, sample) if layout["box"] else exact
        zoom = ZOOM if rng.random() < 0.7 else rng.uniform(2.0, 3.2)
        sample.window = windows.box_window(sample.rectangle, zoom, sample.spacing, sample.extent)
    else:
        doublings = click_doublings(rng, sample)
        sample.window = windows.click_window(
            sample.clicks, sample.spacing, sample.extent, doublings
        )
    return sample


def prompt_points(sample, layout):
    points, labels = [], []
    if layout["box"]:
        box = sample.rectangle
        points += [box[:2], box[2:]]
        labels += [2, 3]
    points += list(sample.clicks)
    labels += [1] * len(sample.clicks)
    if not points:
        return np.zeros((0, 2)), labels
    return sample.window.to_network(points, sample.side), labels


def mirror(rng, image, mask, xy, side):
    """The same random mirroring and transposing of slices and points."""
    if rng.random() < 0.5:
        image, mask = image[:, :, ::-1], mask[:, :, ::-1]
        xy = np.stack([side - 1 - xy[:, 0], xy[:, 1]], 1)
    if rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
        xy = np.stack([xy[:, 0], side - 1 - xy[:, 1]], 1)
    if rng.random() < 0.5:
        image, mask, xy = image.transpose(0, 2, 1), mask.transpose(0, 2, 1), xy[:, ::-1]
    return image, mask, xy


def order_corners(xy, labels):
    """After mirroring, label 2 must again be the upper left corner."""
    if len(labels) > 1 and labels[0] == 2:
        corners = xy[:2].copy()
        xy = xy.copy()
        xy[0], xy[1] = corners.min(0), corners.max(0)
    return xy


class Sampler:
    """Draws objects from pools of scenes: [(share, [scene, ...]), ...]."""

    def __init__(self, pools, side):
        self.side, self.pools = side, []
        for share, scenes in pools:
            entries = [(s, n) for s in scenes for n in s.objects]
            if entries and share > 0:
                self.pools.append((share, entries))

    def draw(self, rng):
        shares = np.array([p[0] for p in self.pools], float)
        entries = self.pools[rng.choice(len(shares), p=shares / shares.sum())][1]
        return entries[rng.integers(len(entries))]

    def batch(self, rng, count, layout, length, before):
        images, masks, points = [], [], []
        while len(images) < count:
            scene, number = self.draw(rng)
            sample = make_sample(rng, scene, number, layout, length, before, self.side)
            image, mask = sample.view()
            xy, labels = prompt_points(sample, layout)
            if mask[before].sum() < 16:
                continue
            image, mask, xy = mirror(rng, image, mask, xy, self.side)
            images.append(change_grey(rng, image))
            masks.append(mask)
            points.append(order_corners(xy, labels))
        stack = lambda parts: torch.from_numpy(np.ascontiguousarray(np.stack(parts)))
        return dict(
            images=stack(images),
            masks=stack(masks),
            xy=stack(points).float(),
            labels=torch.tensor([labels] * count, dtype=torch.long).reshape(count, -1),
            mask_prompt=bool(layout["mask"]),
            key=before,
        )
