"""A second implementation of docs/prompts.md: from parameters as clients send them to the plan, written from that page
alone. oracle_plan.py compares it with the first one.

A case is a dict: labels (names), size [w, h, d], spacing [3], defaults {zoom, broadcast, passes}, params, and masks
{label: [[k, j, i0, i1], ...]}, runs of voxels with both ends in them. Standard library only.
"""

import json
import math
import sys
from dataclasses import dataclass, field

GROWTH_LEAST = 5
CLICK_LENGTH = 48.0


class Refused(Exception):
    """The request is wrong; the argument is the code of the error."""


def r(x):
    return math.floor(x + 0.5)


@dataclass
class Rect:
    i0: float
    j0: float
    i1: float
    j1: float

    def corners(self):
        return [self.i0, self.j0, self.i1, self.j1]

    def sides(self):
        return self.i1 - self.i0 + 1, self.j1 - self.j0 + 1


def union(rects):
    rects = list(rects)
    return Rect(
        min(q.i0 for q in rects),
        min(q.j0 for q in rects),
        max(q.i1 for q in rects),
        max(q.j1 for q in rects),
    )


def fitted(corners, width, height):
    """A drawn rectangle, sorted and clamped; one wholly outside is refused."""
    a, b, c, d = corners
    low, high = [min(a, c), min(b, d)], [max(a, c), max(b, d)]
    for axis, n in enumerate((width, height)):
        if r(high[axis]) < 0 or r(low[axis]) >= n:
            raise Refused("argument")
        low[axis] = min(max(low[axis], 0), n - 1)
        high[axis] = min(max(high[axis], 0), n - 1)
    return Rect(low[0], low[1], high[0], high[1])


def around(points, width, height):
    """The smallest rectangle that holds points, which are inside the volume."""
    return fitted(
        [
            min(p[0] for p in points),
            min(p[1] for p in points),
            max(p[0] for p in points),
            max(p[1] for p in points),
        ],
        width,
        height,
    )


@dataclass
class Piece:
    first: int
    last: int
    rect: Rect
    boxed: bool = True
    roi: bool = False
    points: list = field(default_factory=list)

    @property
    def key(self):
        return (self.first + self.last) // 2

    def holds(self, k):
        return self.first <= k <= self.last


@dataclass
class Box:
    key: int
    rect: Rect
    first: int
    last: int

    def holds(self, k):
        return self.first <= k <= self.last


@dataclass
class Ask:
    """What was drawn for one label."""

    positive: list = field(default_factory=list)
    negative: list = field(default_factory=list)
    points: list = field(default_factory=list)  # both, in the order in which they are counted
    boxes: list = field(default_factory=list)  # (key, corners, z or None)
    rois: list = field(default_factory=list)  # (corners, (k0, k1))
    corrections: list = field(default_factory=list)  # (k, [(i, j, label), ...])
    mask: list = field(default_factory=list)  # runs


class Reader:
    """Parameters to asks."""

    def __init__(self, case):
        self.names = case["labels"]
        self.params = {k: v for k, v in case["params"].items() if v is not None}
        self.asks = [Ask() for _ in self.names]
        chosen = self.params.get("label")
        self.chosen = self.names.index(chosen) if chosen in self.names else 0
        self._points()
        self._boxes()
        self._corrections()
        for name, runs in case.get("masks", {}).items():
            self.asks[self.names.index(name)].mask = runs

    def _points(self):
        params, chosen = self.params, self.asks[self.chosen]
        for name, ask in zip(self.names, self.asks):
            ask.positive += params.get(name, [])
            ask.points += params.get(name, [])
        chosen.positive += params.get("foreground", [])
        chosen.points += params.get("foreground", [])
        one = "foreground" in params or "points" in params
        for ask in [chosen] if one else self.asks:
            ask.negative += params.get("background", [])
        points = params.get("points", [])
        if one:
            chosen.points += params.get("background", []) + points
        for point, sign in zip(points, params.get("point_labels", [1] * len(points))):
            (chosen.positive if sign == 1 else chosen.negative).append(point)

    def _owner(self, thing):
        name = thing.get("label")
        if name is None:
            return self.asks[self.chosen]
        if name not in self.names:
            raise Refused("not found")
        return self.asks[self.names.index(name)]

    def _boxes(self):
        params, chosen = self.params, self.asks[self.chosen]
        roi, box = params.get("roi", []), params.get("box", [])
        if len(roi) == 6:
            chosen.rois.append(([roi[0], roi[2], roi[1], roi[3]], roi[4:]))
        elif len(roi) == 4:
            chosen.boxes.append((params["slice"], roi, None))
        if isinstance(box, dict):
            box = [box]
        if box and not isinstance(box[0], dict):
            chosen.boxes.append((params["slice"], box, None))
            return
        for one in box:
            self._owner(one).boxes.append((one["key"], one["xyxy"], one.get("z")))

    def _corrections(self):
        for one in self.params.get("corrections", []):
            points = one.get("points") or []
            signs = one.get("labels")
            signs = [1] * len(points) if signs is None else signs
            clicks = [(p[0], p[1], s) for p, s in zip(points, signs)]
            if clicks:
                self._owner(one).corrections.append((one["k"], clicks))

    def choice(self, key, otherwise):
        value = self.params.get(key, "default")
        return otherwise if value in ("default", "") else value


class Planner:
    """The plan of one label."""

    def __init__(self, case, reader, ask):
        self.width, self.height, self.depth = case["size"]
        self.spacing = case["spacing"]
        self.defaults = case.get("defaults", {})
        self.reader = reader
        self.ask = ask
        self.positive = [p for p in ask.positive if self.inside(p)]
        self.negative = [p for p in ask.negative if self.inside(p)]
        self.boxes = [self.box(*box) for box in ask.boxes]
        self.rois = [self.roi(*roi) for roi in ask.rois]
        self.pieces = []
        self.prompts = {}  # k -> {"mask", "rects", "clicks"}

    def inside(self, point):
        return all(0 <= r(p) < n for p, n in zip(point, (self.width, self.height, self.depth)))

    def slices(self, z):
        """A range of slices, sorted and cut to the volume; one that is not there is refused."""
        low, high = sorted(r(k) for k in z)
        if high < 0 or low >= self.depth:
            raise Refused("argument")
        return max(low, 0), min(high, self.depth - 1)

    def box(self, key, corners, z):
        rect = fitted(corners, self.width, self.height)
        key = r(key)
        if not 0 <= key < self.depth:
            raise Refused("argument")
        first, last = (key, key) if z is None else sorted(r(k) for k in z)
        if first < 0 or last >= self.depth or not first <= key <= last:
            raise Refused("argument")
        return Box(key, rect, first, last)

    def roi(self, corners, z):
        return Piece(*self.slices(z), fitted(corners, self.width, self.height), roi=True)

    def prompt(self, k):
        return self.prompts.setdefault(k, {"mask": False, "rects": [], "clicks": []})

    def min_box(self):
        return self.reader.params.get("min_box", 6)

    def make_pieces(self):
        by_slice = {}
        for point in self.positive:
            by_slice.setdefault(r(point[2]), []).append(point)
        alone = not (self.boxes or self.rois or self.ask.mask)
        levels = sorted(by_slice)
        if alone and len(levels) >= 2:
            for low, high in zip(levels, levels[1:]):
                points = by_slice[low] + by_slice[high]
                rect = around(points, self.width, self.height)
                boxed = min(rect.sides()) >= self.min_box()
                self.pieces.append(Piece(low, high, rect, boxed, points=points))
        elif alone and levels and self.reader.choice("points_as", "clicks") == "box":
            rect = around(self.positive, self.width, self.height)
            self.boxes = [Box(levels[0], rect, levels[0], levels[0])]
        else:
            for k, points in by_slice.items():
                self.prompt(k)["clicks"] += [(p[0], p[1], 1) for p in points]

    def make_prompts(self):
        everywhere = (
            self.reader.choice("broadcast", self.defaults.get("broadcast") or "propagate") == "box"
        )
        for piece in self.pieces:
            if not piece.boxed:
                self.prompt(piece.key)["clicks"] += [(p[0], p[1], 1) for p in piece.points]
                continue
            for k in range(piece.first, piece.last + 1) if everywhere else [piece.key]:
                rects = [q.rect for q in self.pieces if q.boxed and q.holds(k)]
                self.prompt(k)["rects"].append(union(rects))
        for roi in self.rois:
            for k in range(roi.first, roi.last + 1) if everywhere else [roi.key]:
                self.prompt(k)["rects"].append(roi.rect)
        for box in self.boxes:
            self.prompt(box.key)["rects"].append(box.rect)

    def mask_areas(self):
        voxels = {}
        for k, j, i0, i1 in self.ask.mask:
            voxels.setdefault(k, set()).update((i, j) for i in range(i0, i1 + 1))
        return {k: len(places) for k, places in voxels.items()}

    def mask_rect(self):
        runs = self.ask.mask
        return Rect(
            min(run[2] for run in runs),
            min(run[1] for run in runs),
            max(run[3] for run in runs),
            max(run[1] for run in runs),
        )

    def prompt_mask(self):
        areas = self.mask_areas()
        if not areas:
            return
        chosen = {r(k) for k in self.reader.params.get("mask_slices", [])}
        if not chosen:
            most = max(areas.values())
            chosen = {min(k for k, area in areas.items() if area == most)}
        for k in chosen & set(areas):
            self.prompt(k)["mask"] = True

    def borders(self):
        levels = [r(p[2]) for p in self.positive]
        for box in self.boxes:
            levels += [box.key, box.first, box.last]
        for roi in self.rois:
            levels += [roi.first, roi.last]
        levels += [run[0] for run in self.ask.mask]
        return min(levels), max(levels)

    def corrections(self, first, last, free):
        by_slice = {}
        for i, j, k in self.negative:
            if r(k) in self.prompts:
                self.prompts[r(k)]["clicks"].append((i, j, 0))
            else:
                by_slice.setdefault(r(k), []).append((i, j, 0))
        found = [(k, ordered(by_slice[k])) for k in sorted(by_slice)]
        for k, clicks in self.ask.corrections:
            kept = [c for c in clicks if self.inside((c[0], c[1], k))]
            if kept:
                found.append((r(k), kept))
        return [(k, clicks) for k, clicks in found if free or first <= k <= last]

    def rectangle_on(self, k):
        """The rectangle that limits slice k, None where nothing does."""
        if any(not piece.boxed and piece.holds(k) for piece in self.pieces):
            return None
        holders = [q for q in self.pieces + self.rois + self.boxes if q.holds(k)]
        return union(q.rect for q in holders) if holders else None

    def cut(self, k, clip):
        rect = self.rectangle_on(k)
        if rect is None:
            return None
        i0, j0, i1, j1 = (r(c) for c in rect.corners())
        grow = 0
        if clip == "loose":
            grow = r(max(max(i1 - i0 + 1, j1 - j0 + 1) / 4, GROWTH_LEAST))
        return (
            [max(i0 - grow, 0), min(i1 + grow, self.width - 1)],
            [max(j0 - grow, 0), min(j1 + grow, self.height - 1)],
        )

    def cuts(self, first, last, clip):
        runs = []
        if clip == "off":
            return runs
        for k in range(first, last + 1):
            cut = self.cut(k, clip)
            if cut is None:
                continue
            if runs and runs[-1]["z"][1] == k - 1 and (runs[-1]["i"], runs[-1]["j"]) == cut:
                runs[-1]["z"][1] = k
            else:
                runs.append({"z": [k, k], "i": cut[0], "j": cut[1]})
        return runs

    def zoom(self):
        factor = self.reader.choice("zoom", self.defaults.get("zoom") or "off")
        if factor == "off":
            return {"window": None, "length": None, "grows": False}
        factor = float(factor)
        rects = [piece.rect for piece in self.pieces if piece.boxed]
        rects += [q.rect for q in self.rois + self.boxes]
        if self.ask.mask:
            rects.append(self.mask_rect())
        if rects:
            whole = Rect(*(r(c) for c in union(rects).corners()))
            centre = [(whole.i0 + whole.i1) / 2, (whole.j0 + whole.j1) / 2]
            longer = max(side * mm for side, mm in zip(whole.sides(), self.spacing))
            length = max(factor * longer, 48 * min(self.spacing[:2]))
        else:
            sums = [0.0, 0.0]
            for i, j, _k in sorted(tuple(p) for p in self.positive):
                sums[0] += i
                sums[1] += j
            centre = [total / len(self.positive) for total in sums]
            length = CLICK_LENGTH
        window = [[], []]
        for axis, n in enumerate((self.width, self.height)):
            size = 16 * math.ceil(length / self.spacing[axis] / 16)
            if size <= n:
                begin = min(max(8 * r((centre[axis] - size / 2) / 8), 0), n - size)
            else:
                begin = -((size - n) // 2)
            window[0].append(begin)
            window[1].append(size)
        return {"window": window[0] + window[1], "length": length, "grows": not rects}

    def plan(self, name):
        """None where the label has no prompt."""
        self.make_pieces()
        self.make_prompts()
        self.prompt_mask()
        if not self.prompts:
            return None
        first, last = self.borders()
        extent = self.reader.choice("extent", "free" if first == last else "strict")
        free = extent == "free"
        corrections = self.corrections(first, last, free)
        passes = self.reader.choice(
            "passes", "from_key" if free else self.defaults.get("passes") or "intersection"
        )
        pieces = self.pieces + self.rois
        clip = self.reader.choice("clip", "loose" if pieces else "off")
        return {
            "label": name,
            "z": [first, last],
            "extent": extent,
            "passes": passes,
            "clip": clip,
            "pieces": [
                {
                    "z": [q.first, q.last],
                    "key": q.key,
                    "rect": q.rect.corners(),
                    "boxed": q.boxed,
                    "roi": q.roi,
                }
                for q in sorted(pieces, key=lambda q: (q.first, q.last, q.rect.corners()))
            ],
            "prompts": [self.shown_prompt(k) for k in sorted(self.prompts)],
            "corrections": [
                {
                    "k": k,
                    "points": [[i, j] for i, j, _ in clicks],
                    "labels": [label for _, _, label in clicks],
                    "on_prompt": k in self.prompts,
                }
                for k, clicks in corrections
            ],
            "cuts": self.cuts(first, last, clip),
            "zoom": self.zoom(),
        }

    def shown_prompt(self, k):
        prompt = self.prompts[k]
        clicks = ordered(prompt["clicks"])
        return {
            "k": k,
            "mask": prompt["mask"],
            "box": union(prompt["rects"]).corners() if prompt["rects"] else None,
            "points": [[i, j] for i, j, _ in clicks],
            "labels": [label for _, _, label in clicks],
        }


def ordered(clicks):
    return sorted(clicks, key=lambda c: (c[1], c[0], c[2]))


def make_plan(case):
    try:
        reader = Reader(case)
        planners = [Planner(case, reader, ask) for ask in reader.asks]
    except Refused as refused:
        return {"error": str(refused)}
    plans = [planner.plan(name) for name, planner in zip(reader.names, planners)]
    objects = [plan for plan in plans if plan is not None]
    return {
        "valid": bool(objects),
        "reason": None if objects else "there is nothing to segment",
        "objects": objects,
    }


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(make_plan(json.loads(line))))
