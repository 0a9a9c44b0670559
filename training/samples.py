"""Batches of clips: windows of a few slices around objects of prepared scenes, with prompts."""

import numpy as np
import torch
from scipy import ndimage

import windows
from scene import visible

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


def draw_rectangle(rng, mask):
    """A box as people draw it: tight, a little off, or too wide; whole numbers or floats. mask is a
    slice (rows, columns), the answer i0, j0, i1, j1 in it."""
    tight = np.array(windows.rectangle_of(mask), float)
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
    low, high = np.minimum(box[:2], box[2:]), np.maximum(box[:2], box[2:])
    box = np.concatenate([low, high])
    limit = np.array([mask.shape[1], mask.shape[0]] * 2) - 1
    return np.clip(box if rng.random() < 0.5 else np.round(box), 0, limit)


def draw_clicks(rng, mask, count):
    """Places (i, j) inside the object on a slice; the first is often in its middle."""
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


def click_window(rng, sample):
    """The window that a click ends with: doubled until the object fits. Scans differ in scale, so a
    part has another length; and many show an earlier, too small window, whose mask must reach the
    rim so that it grows: without them the network takes every clicked object for a small one."""
    place = (sample.clicks, sample.spacing, sample.extent)
    for n in range(windows.MAX_GROWTH + 1):
        window = windows.click_window(*place, n)
        if not window.touches_rim(sample.mask):
            break
    kind = rng.random()
    if kind < 0.4:
        i0, j0, i1, j1 = windows.rectangle_of(sample.mask[sample.key])
        longer = max((i1 - i0 + 1) * sample.spacing[0], (j1 - j0 + 1) * sample.spacing[1])
        length = longer * rng.uniform(0.35, 1.2)
    elif kind < 0.6:
        length = windows.CLICK_LENGTH * 2**n * np.exp(rng.uniform(np.log(0.6), np.log(1.6)))
    else:
        return window
    return windows.Window(np.mean(np.array(sample.clicks, float), axis=0), length, *place[1:])


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


def in_sight(image, mask):
    """Whether the object is still seen on its key slice: another grey scale may have hidden it. One
    that fills the window shows no edge and need not."""
    return mask.mean() > 0.5 or visible(image[::2, ::2], mask[::2, ::2], 5.0)


def make_sample(rng, scene, number, layout, length, before, side):
    key, slices = choose_slices(rng, scene, number, length, before)
    sample = Sample(scene, number, key, slices, side)
    if layout["clicks"]:
        sample.clicks = draw_clicks(rng, sample.mask[key], layout["clicks"])
    if layout["box"] or layout["mask"]:
        exact = np.array(windows.rectangle_of(sample.mask[key]), float)
        sample.rectangle = draw_rectangle(rng, sample.mask[key]) if layout["box"] else exact
        zoom = ZOOM if rng.random() < 0.7 else rng.uniform(2.0, 3.2)
        sample.window = windows.box_window(sample.rectangle, zoom, sample.spacing, sample.extent)
    else:
        sample.window = click_window(rng, sample)
    return sample


def prompt_points(rectangle, clicks):
    points, labels = [], []
    if rectangle is not None:
        points += [rectangle[:2], rectangle[2:]]
        labels += [2, 3]
    points += list(clicks)
    labels += [1] * len(clicks)
    return np.array(points, float).reshape(-1, 2), labels


def other_objects(rng, sample, layout, at, most):
    """Further objects that the window shows on its key slice (at: its place in the clip), each with
    a prompt of its own: [(masks (slices, side, side), points)]."""
    scene, window, found = sample.scene, sample.window, []
    for number in rng.permutation(list(scene.objects)):
        if len(found) == most:
            break
        if number == sample.number:
            continue
        mask = window.cut(scene.mask(number)[sample.slices], False)
        here = mask[at]
        if here.sum() < 20 or here.mean() > 0.6:
            continue
        rectangle = draw_rectangle(rng, here) if layout["box"] else None
        xy, _ = prompt_points(rectangle, draw_clicks(rng, here, layout["clicks"]))
        found.append((windows.resize_mask(mask, sample.side), xy / window.size * sample.side))
    return found


class Mirror:
    """The same random mirroring and transposing of slices and points."""

    def __init__(self, rng, side):
        self.side = side
        self.across, self.down, self.turn = rng.random(3) < 0.5

    def slices(self, x):
        x = x[:, :, ::-1] if self.across else x
        x = x[:, ::-1] if self.down else x
        return x.transpose(0, 2, 1) if self.turn else x

    def points(self, xy, labels):
        xy = xy.copy()
        if self.across:
            xy[:, 0] = self.side - xy[:, 0] - 1
        if self.down:
            xy[:, 1] = self.side - xy[:, 1] - 1
        xy = xy[:, ::-1].copy() if self.turn else xy
        if len(labels) > 1 and labels[0] == 2:  # label 2 is again the upper left corner
            corners = xy[:2].copy()
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
        while True:  # small fragments are many and teach little
            scene, number = entries[rng.integers(len(entries))]
            area = np.isin(scene.labels[scene.objects[number][2]], scene.members[number]).sum()
            if rng.random() < np.sqrt(area / 700.0):
                return scene, number

    def batch(self, rng, count, layout, length, before, prompts=1):
        """count clips with `prompts` objects each; masks and points have count * prompts rows."""
        images, masks, points = [], [], []
        while len(images) < count:
            scene, number = self.draw(rng)
            sample = make_sample(rng, scene, number, layout, length, before, self.side)
            image, mask = sample.view()
            if mask[before].sum() < 16:
                continue
            xy, labels = prompt_points(sample.rectangle if layout["box"] else None, sample.clicks)
            rows = [(mask, sample.window.to_network(xy, self.side))]
            rows += other_objects(rng, sample, layout, before, prompts - 1)
            rows += [rows[0]] * (prompts - len(rows))
            grey = change_grey(rng, image)
            if not in_sight(grey[before], mask[before]):
                grey = image
            if not in_sight(grey[before], mask[before]):
                continue
            mirror = Mirror(rng, self.side)
            images.append(mirror.slices(grey))
            masks += [mirror.slices(m) for m, _ in rows]
            points += [mirror.points(p, labels) for _, p in rows]
        stack = lambda parts: torch.from_numpy(np.ascontiguousarray(np.stack(parts)))
        return dict(
            images=stack(images),
            masks=stack(masks),
            xy=stack(points).float(),
            labels=torch.tensor([labels] * len(points), dtype=torch.long).reshape(len(points), -1),
            mask_prompt=bool(layout["mask"]),
            key=before,
        )
