"""Segments whole volumes as the program does and compares with the expert masks.

    python validate.py WEIGHTS LIST [--prompts box,click] [--passes from_key,intersection,box]
    python validate.py WEIGHTS FOLDER        one object of each scene of a folder of prepare.py

LIST is YAML: a list of {name: ..., image: ..., mask: ..., window: [low, high]}; paths relative to
the list, window optional. The box is the tight one on the key slice (largest slice of the mask)
with the mask's first and last slice as borders; the click is the place in the key slice farthest
from the edge, borders free.
"""

import argparse
import math
import os

import numpy as np
import torch
import yaml
from scipy import ndimage

import baseline
import clip
import network
import windows
from scene import Scene

ZOOM = 2.5
ABSENT_ENDS = 3  # slices in a row without the object end a free track


# ------------------------------------------------------------------------------------------------
# volumes


def read_volume(path):
    """Voxels (slices, rows, columns) and spacing (z, y, x)."""
    if path.endswith((".nrrd", ".nhdr")):
        import nrrd

        voxels, header = nrrd.read(path)
        spacing = [float(np.linalg.norm(d)) for d in header["space directions"]]
    else:
        import nibabel

        image = nibabel.load(path)
        voxels, spacing = np.asanyarray(image.dataobj), image.header.get_zooms()[:3]
    return np.ascontiguousarray(voxels.T), [float(s) for s in spacing][::-1]


def to_bytes(volume, window=None):
    """The window `auto`: bytes stay, CT gets the abdomen window, others the 0.5 to 99.5 percentile
    of what is above zero."""
    if volume.dtype == np.uint8 and window is None:
        return volume
    zero = None
    if window is None and volume.min() <= -500:
        window = (-160.0, 240.0)
    elif window is None:
        window = np.percentile(volume[volume > 0], [0.5, 99.5])
        zero = volume == 0
    x = np.clip(volume.astype(float), *window)
    x = (x - x.min()) / (x.max() - x.min()) * 255.0
    if zero is not None:
        x[zero] = 0
    return x.astype(np.uint8)


class Case:
    """A scan as bytes, the expert mask, and the prompts that follow from it."""

    def __init__(self, name, image, mask, spacing):
        self.name, self.image, self.mask = name, image, mask
        self.spacing = (spacing[2], spacing[1])
        self.extent = self.image.shape[:0:-1]
        area = self.mask.sum((1, 2))
        slices = np.flatnonzero(area)
        self.borders, self.key = (int(slices[0]), int(slices[-1])), int(area.argmax())
        self.rectangle = windows.rectangle_of(self.mask[self.key])
        depth = ndimage.distance_transform_edt(self.mask[self.key])
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        self.click = (int(column), int(row))


def read_case(entry, base):
    volume, spacing = read_volume(os.path.join(base, entry["image"]))
    mask = read_volume(os.path.join(base, entry["mask"]))[0] > 0
    return Case(entry["name"], to_bytes(volume, entry.get("window")), mask, spacing)


def scene_cases(folder, most=None):
    """One object of each prepared scene of a folder; the scenes must not have been trained on."""
    cases = []
    for name in sorted(os.listdir(folder))[:most]:
        scene = Scene.load(os.path.join(folder, name))
        number = list(scene.objects)[len(cases) % len(scene.objects)]
        cases.append(Case(name.split(".")[0], scene.image, scene.mask(number), scene.spacing))
    return cases


_cases = {}


def read_list(path):
    if path not in _cases:
        base = os.path.dirname(os.path.abspath(path))
        with open(path, encoding="utf-8") as stream:
            entries = yaml.safe_load(stream)
        _cases[path] = [read_case(e, base) for e in entries]
    return _cases[path]


# ------------------------------------------------------------------------------------------------
# one object


class Seen:
    """The features of a window on all slices of a slab, encoded when they are first asked for."""

    def __init__(self, net, case, window, first, last):
        cut = window.cut(case.image[first : last + 1], int(case.image.min()))
        device = next(net.parameters()).device
        self.images = torch.from_numpy(windows.resize_bytes(cut, net.image_size)).to(device)
        self.net, self.window, self.kept = net, window, {}
        self.length = last - first + 1

    def at(self, t):
        if t not in self.kept:
            self.kept[t] = self.net.encode(network.normalise(self.images[t : t + 1]))
        return self.kept[t]

    def logits(self, low):
        """Low-resolution logits on the voxels of the window, rows by columns."""
        n, m = self.window.size
        full = torch.nn.functional.interpolate(
            low.float(), size=(m, n), mode="bilinear", align_corners=False
        )
        return full[0, 0].cpu().numpy()


class Reversed:
    """The same slices counted from the other end: a backward pass is a forward pass on them."""

    def __init__(self, seen):
        self.seen, self.length = seen, seen.length

    def at(self, t):
        return self.seen.at(self.length - 1 - t)


def prompt_of(case, seen, kind, device):
    points = [case.rectangle[:2], case.rectangle[2:]] if kind == "box" else [case.click]
    labels = [2, 3] if kind == "box" else [1]
    xy = seen.window.to_network(points, seen.net.image_size)
    return (
        torch.tensor(xy, dtype=torch.float32, device=device)[None],
        torch.tensor(labels, device=device)[None],
    )


def run_pass(net, view, keys, prompt, start, free=False):
    """{slice: low-resolution logits} of a pass from slice start upwards."""
    track, out = clip.Track(net, view, view.length), {}
    multiple = prompt[0].shape[1] <= 1
    for key in keys:
        raw = track.prompt(key, *prompt)
        low, token = clip.choose_mask(raw, multiple)
        out[key] = track.commit(track.cond, key, low, token, raw[3] > 0, True)
    missing = 0
    for t in range(start, view.length):
        if t in keys:
            continue
        raw = track.decode_tracked(track.conditioned(t), t)
        low, token = clip.choose_mask(raw, False)
        present = raw[3] > 0
        out[t] = track.commit_tracked(t, low, token, present)
        missing = 0 if bool(present) else missing + 1
        if free and missing >= ABSENT_ENDS:
            break
    return out


def segment(net, case, kind, mode, window=None):
    """Agreed voxels of a box or click; mode: from_key, intersection, or box (the rectangle on
    every slice, no tracking)."""
    device = next(net.parameters()).device
    if window is None:
        window = windows.box_window(case.rectangle, ZOOM, case.spacing, case.extent)
    free = kind == "click"
    first, last = (0, len(case.image) - 1) if free else case.borders
    seen = Seen(net, case, window, first, last)
    prompt = prompt_of(case, seen, kind, device)
    key, top = case.key - first, last - first
    if mode == "box":
        up = run_pass(net, seen, list(range(top + 1)), prompt, 0)
        passes = [up]
    else:
        start = (lambda k: k) if mode == "from_key" else (lambda k: 0)
        up = run_pass(net, seen, [key], prompt, start(key), free)
        down = run_pass(net, Reversed(seen), [top - key], prompt, start(top - key), free)
        passes = [up, {top - t: low for t, low in down.items()}]
    inside = []
    for p in passes:
        mask = np.zeros((top + 1, window.size[1], window.size[0]), bool)
        for t, low in p.items():
            mask[t] = seen.logits(low) > 0
        inside.append(mask)
    joined = (
        np.logical_and.reduce(inside) if mode == "intersection" else np.logical_or.reduce(inside)
    )
    uncertain = int((np.logical_or.reduce(inside) & ~joined).sum())
    return paste(case, window, first, joined), uncertain


def paste(case, window, first, mask):
    (i0, j0), (n, m) = window.origin, window.size
    w, h = window.extent
    a0, b0, a1, b1 = max(i0, 0), max(j0, 0), min(i0 + n, w), min(j0 + m, h)
    out = np.zeros(case.mask.shape, bool)
    out[first : first + len(mask), b0:b1, a0:a1] = mask[:, b0 - j0 : b1 - j0, a0 - i0 : a1 - i0]
    return out


def segment_click(net, case):
    """The window grows while the result lies on its rim."""
    for doublings in range(windows.MAX_GROWTH + 1):
        window = windows.click_window([case.click], case.spacing, case.extent, doublings)
        mask, uncertain = segment(net, case, "click", "from_key", window)
        mask = largest_component(mask)
        if not window.touches_rim(mask):
            break
    return mask, uncertain


def largest_component(mask):
    parts, count = ndimage.label(mask, np.ones((3, 3, 3)))
    return mask if count < 2 else parts == np.bincount(parts.ravel())[1:].argmax() + 1


def dice(a, b):
    return 2 * float((a & b).sum()) / max(1, int(a.sum()) + int(b.sum()))


# ------------------------------------------------------------------------------------------------
# tables


def table(net, cases, prompts, modes):
    """Rows of Dice per volume; a click is always from_key, its borders are free."""
    rows = []
    with torch.inference_mode():
        for case in cases:
            for kind in prompts:
                for mode in modes if kind == "box" else ("from_key",):
                    if kind == "click":
                        mask, uncertain = segment_click(net, case)
                    else:
                        mask, uncertain = segment(net, case, kind, mode)
                        mask = largest_component(mask)
                    key = dice(mask[case.key], case.mask[case.key])
                    rows.append(
                        dict(
                            volume=case.name,
                            prompt=kind,
                            mode=mode,
                            dice=round(dice(mask, case.mask), 4),
                            key_dice=round(key, 4),
                            uncertain=uncertain,
                        )
                    )
    return rows


def line(row):
    return (
        " ".join(f"{row[k]}" for k in ("volume", "prompt", "mode", "dice"))
        + f" (key {row['key_dice']})"
    )


def read_weights(path):
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        return {k: v.float() for k, v in load_file(path).items()}
    saved = torch.load(path, map_location="cpu", weights_only=True)
    return saved["average"] if "average" in saved else saved["model"]


def baseline_rows(cases):
    """The rule for all volumes, and the best variant of each, chosen with the expert mask."""
    rows = []
    for case in cases:
        rule = dice(baseline.segment(case, *baseline.RULE), case.mask)
        best = max((dice(baseline.segment(case, *v), case.mask), v) for v in baseline.variants())
        rows.append(dict(volume=case.name, rule=round(rule, 4), best=round(best[0], 4), by=best[1]))
    return rows


def memory_swap(net, case, other):
    """Dice on the slices beside the key slice with the own memory and with that of another case:
    if both are alike, the network does not look at its memory."""
    found = []
    for source in (case, other):
        window = windows.box_window(case.rectangle, ZOOM, case.spacing, case.extent)
        first, last = case.borders
        seen = Seen(net, case, window, first, last)
        key = case.key - first
        t = key + 1 if key + 1 <= last - first else key - 1
        lent = Seen(
            net,
            source,
            windows.box_window(source.rectangle, ZOOM, source.spacing, source.extent),
            source.key,
            source.key,
        )
        track = clip.Track(net, lent, 8)
        raw = track.prompt(0, *prompt_of(source, lent, "box", seen.images.device))
        low, token = clip.choose_mask(raw, False)
        track.commit(track.cond, 0, low, token, raw[3] > 0, True)
        now = clip.Track(net, seen, 8)
        now.cond = {t - 1: track.cond[0]}
        raw = now.decode_tracked(now.conditioned(t), t)
        mask = seen.logits(clip.choose_mask(raw, False)[0]) > 0
        found.append(dice(mask, window.cut(case.mask[first + t : first + t + 1], False)[0]))
    return found


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("weights")
    p.add_argument("list")
    p.add_argument(
        "--config",
        default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "voxlabel-nano.yaml"),
    )
    p.add_argument("--prompts", default="box,click")
    p.add_argument("--passes", default="from_key,intersection,box")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    net = network.build(a.config).eval()
    net.load_state_dict(read_weights(a.weights))
    cases = scene_cases(a.list) if os.path.isdir(a.list) else read_list(a.list)
    rows = table(net, cases, a.prompts.split(","), a.passes.split(","))
    for row in rows:
        print(line(row), "uncertain", row["uncertain"])
    for kind, mode in sorted({(r["prompt"], r["mode"]) for r in rows}):
        chosen = [r["dice"] for r in rows if (r["prompt"], r["mode"]) == (kind, mode)]
        print(f"mean {kind} {mode} {math.fsum(chosen) / len(chosen):.4f}")
    without = baseline_rows(cases)
    for row in without:
        print(
            f"{row['volume']} without a network: rule {row['rule']}, best {row['best']} {row['by']}"
        )
    for kind in ("rule", "best"):
        print(f"mean {kind} {math.fsum(r[kind] for r in without) / len(without):.4f}")
    with torch.inference_mode():
        for case, other in zip(cases, cases[1:] + cases[:1]):
            own, lent = memory_swap(net, case, other)
            print(f"memory swap {case.name}: own {own:.3f} other {lent:.3f}")


if __name__ == "__main__":
    main()
