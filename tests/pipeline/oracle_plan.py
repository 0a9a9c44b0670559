"""Plans of random prompts equal those of plan_model.py to the last number, and keep what docs/prompts.md promises.

usage: oracle_plan.py PROGRAM [COUNT [SEED]]   (the test helper plan_tool)
"""

import json
import random
import subprocess
import sys

import plan_model
from plan_model import r

COUNT, SEED = 10_000, 20_240_607
LABELS = ["liver", "tumour", "niere \u00e4"]
SIZES = [
    (64, 48, 20), (40, 40, 1), (1, 9, 5), (17, 1, 33), (1, 1, 1), (700, 3, 4), (3, 700, 2), (96, 96, 40), (512, 512, 12),
    (128, 100, 9), (2, 2, 60),
]  # fmt: skip
SPACINGS = [(1.0, 1.0, 1.0), (0.7, 0.7, 5.0), (0.6269531, 0.6269531, 5.0), (0.3, 2.9, 1.25), (4.0, 0.25, 0.5), (1e-3, 1e-3, 1e-3)]
MASK_LARGEST = 200_000
SHOWN = 5
MOST_WARNINGS = 16


class Maker:
    """Random cases; every kind of prompt and every option comes, alone and with others."""

    def __init__(self, rng):
        self.rng = rng
        self.size = (1, 1, 1)

    def chance(self, p):
        return self.rng.random() < p

    def number(self, n, outside=0.04):
        """A coordinate along an axis of n voxels: on voxels, between them, on borders, outside."""
        rng = self.rng
        if self.chance(outside):
            return rng.choice([-1, n, -0.51, n - 0.5, n + 7.25, -1e300, 1e18, 2.5e9, -3])
        kind = rng.random()
        if kind < 0.5:
            return rng.randrange(n)
        if kind < 0.7:
            return rng.choice([0, n - 1, -0.5, n - 0.5000001, -0.25, n - 0.75, 0.0])
        if kind < 0.85:
            return rng.randrange(n) + rng.choice([-0.5, 0.5, 0.25]) if n > 1 else 0.25
        return rng.uniform(-0.5, n - 0.5)

    def point(self, slices, outside=0.04):
        w, h, d = self.size
        k = self.rng.choice(slices) if self.chance(0.85) else self.number(d, outside)
        return [self.number(w, outside), self.number(h, outside), k]

    def points(self, most):
        rng = self.rng
        d = self.size[2]
        slices = [rng.randrange(d) for _ in range(rng.choice([1, 1, 2, 3, 4]))]
        found = [self.point(slices, rng.choice([0.0, 0.05, 0.3])) for _ in range(rng.randint(self.chance(0.9), most))]
        if found and self.chance(0.2):
            found.append(list(rng.choice(found)))
        if found and self.chance(0.15):
            # A close pair: too small for a box.
            i, j, k = found[0]
            found.append([i, j, k + rng.choice([-2, -1, 1, 3])])
        return found

    def corners(self):
        w, h, _d = self.size
        outside = self.rng.choice([0.0, 0.0, 0.1])
        corners = [self.number(w, outside), self.number(h, outside), self.number(w, outside), self.number(h, outside)]
        if self.chance(0.03):
            corners[0] = corners[2] = self.rng.choice([-4, w, w + 3.5])
        return corners

    def slice(self):
        d = self.size[2]
        return self.rng.choice([-1, d, d + 5.5]) if self.chance(0.03) else self.number(d, 0)

    def range(self):
        d = self.size[2]
        low, high = self.number(d, 0.05), self.number(d, 0.05)
        return [low, high]

    def box(self):
        box = {"key": self.slice(), "xyxy": self.corners()}
        if self.chance(0.5):
            z = self.range()
            if self.chance(0.95):
                # Mostly around the key slice, as a box should be.
                low, high = min(z), max(z)
                z = [min(low, box["key"]), max(high, box["key"])]
            box["z"] = z if self.chance(0.7) else z[::-1]
        if self.chance(0.4):
            box["label"] = self.rng.choice(self.labels)
        return box

    def roi(self):
        a, b, c, d = self.corners()
        return [a, c, b, d, *self.range()]

    def correction(self):
        rng = self.rng
        w, h, _d = self.size
        n = rng.randint(0, 4)
        points = [[self.number(w), self.number(h)] for _ in range(n)]
        one = {"k": self.number(self.size[2]), "points": points, "labels": [rng.randint(0, 1) for _ in range(n)]}
        if self.chance(0.2):
            del one["labels"]
        if self.chance(0.4):
            one["label"] = rng.choice(self.labels)
        return one

    def mask(self):
        rng = self.rng
        w, h, d = self.size
        runs = []
        for _ in range(rng.randint(0, 6)):
            i0 = rng.randrange(w)
            runs.append([rng.randrange(d), rng.randrange(h), i0, min(w - 1, i0 + rng.randint(0, 9))])
        return runs

    def prompts(self, params):
        rng = self.rng
        weight = rng.choice([0.15, 0.3, 0.6])
        for label in self.labels:
            if self.chance(0.75):
                params[label] = self.points(rng.choice([1, 3, 8]))
        if self.chance(weight):
            params["background"] = self.points(4)
        if self.chance(weight / 2):
            params["foreground"] = self.points(5)
        if self.chance(weight / 2):
            params["points"] = self.points(5)
            if self.chance(0.7):
                params["point_labels"] = [rng.randint(0, 1) for _ in params["points"]]
        if self.chance(weight / 3):
            params["uncertain"] = self.points(2)
        if self.chance(weight / 3):
            params["roi"] = rng.choice([self.roi(), self.roi(), self.corners(), []])
            params["slice"] = self.slice()
        if self.chance(weight / 3):
            flat = self.corners()
            params["box"] = rng.choice([self.box(), [self.box() for _ in range(rng.randint(0, 3))], flat])
            if params["box"] is flat:
                params.setdefault("slice", self.slice())
        if self.chance(weight / 2):
            params["corrections"] = [self.correction() for _ in range(rng.randint(0, 4))]

    def options(self, params):
        rng = self.rng
        choices = {
            "broadcast": ["propagate", "box", "default", ""],
            "points_as": ["clicks", "box", "default"],
            "extent": ["strict", "free", "default"],
            "clip": ["loose", "tight", "off", "default"],
            "passes": ["intersection", "union", "forward", "backward", "from_key", "default"],
            "zoom": ["off", 1, 1.5, 2.5, 4, 100, "2.5", "default"],
            "min_box": [0, 1, 6, 12.5],
            "window": ["auto", "lung", [-1, 2.5], {"center": 1, "width": 2}],
            "label": [*self.labels, "nobody's"],
        }
        share = rng.choice([0.0, 0.1, 0.4, 0.8])
        for key, values in choices.items():
            if self.chance(share):
                params[key] = rng.choice(values)
        if self.chance(share):
            params["mask_slices"] = [rng.randrange(-1, self.size[2] + 1) for _ in range(rng.randint(0, 3))]
        if self.chance(0.1):
            params[rng.choice(["roi", "zoom", "background", "label", "box"])] = None

    def case(self):
        rng = self.rng
        self.size = rng.choice(SIZES)
        if self.chance(0.3):
            self.size = (rng.randint(1, 80), rng.randint(1, 80), rng.randint(1, 30))
        self.labels = LABELS[: rng.choice([1, 1, 2, 3])]
        params = {}
        self.prompts(params)
        self.options(params)
        case = {"labels": self.labels, "size": self.size, "spacing": rng.choice(SPACINGS), "params": params}
        if self.chance(0.5):
            case["defaults"] = {"zoom": rng.choice([0, 2.5, 3]), "broadcast": rng.choice(["propagate", "box"])}
            if self.chance(0.3):
                case["defaults"]["passes"] = rng.choice(["intersection", "union", "forward"])
        w, h, d = self.size
        if self.chance(0.15) and w * h * d <= MASK_LARGEST:
            case["masks"] = {label: self.mask() for label in self.labels if self.chance(0.6)}
        return case


def shuffled(case, rng):
    """The same prompts in another order; corrections keep theirs, which means something."""
    params = dict(case["params"])
    for key in [*case["labels"], "foreground", "background", "box", "mask_slices"]:
        if isinstance(params.get(key), list) and not (key == "box" and params[key] and not isinstance(params[key][0], dict)):
            params[key] = rng.sample(params[key], len(params[key]))
    if params.get("points"):
        signs = params.get("point_labels", [1] * len(params["points"]))
        pairs = list(zip(params["points"], signs))
        rng.shuffle(pairs)
        params["points"], params["point_labels"] = [list(x) for x in zip(*pairs)]
    return {**case, "params": params}


def without_negatives(case):
    params = dict(case["params"])
    params.pop("background", None)
    params.pop("corrections", None)
    if params.get("points"):
        signs = params.get("point_labels", [1] * len(params["points"]))
        params["points"] = [p for p, sign in zip(params["points"], signs) if sign == 1]
        params["point_labels"] = [1] * len(params["points"])
    return {**case, "params": params}


def ask(program, cases):
    lines = [json.dumps({**case, "params": json.dumps(case["params"])}) for case in cases]
    done = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, check=False, encoding="utf-8")
    if done.returncode != 0:
        sys.exit(f"plan_tool ended with {done.returncode}: {done.stderr.strip()}")
    answers = [json.loads(line, parse_constant=sys.exit) for line in done.stdout.splitlines()]
    if len(answers) != len(cases):
        sys.exit(f"{len(cases)} cases, {len(answers)} answers")
    return answers


def difference(got, want, path="plan"):
    """Where two plans differ first; None where they are equal."""
    if isinstance(want, dict) and isinstance(got, dict):
        if set(got) != set(want):
            return f"{path}: keys {sorted(got)} for {sorted(want)}"
        parts = [(f"{path}.{key}", got[key], want[key]) for key in want]
    elif isinstance(want, list) and isinstance(got, list):
        if len(got) != len(want):
            return f"{path}: {got} for {want}"
        parts = [(f"{path}[{i}]", a, b) for i, (a, b) in enumerate(zip(got, want))]
    else:
        same = got == want and isinstance(got, bool) == isinstance(want, bool)
        return None if same else f"{path}: {got!r} for {want!r}"
    return next((found for name, a, b in parts if (found := difference(a, b, name))), None)


def compare(got, want):
    if "error" in want or "error" in got:
        return None if got.get("error") == want.get("error") else f"{got.get('error')}: {got.get('text')} for {want.get('error')}"
    plan = dict(got["plan"])
    if (plan["reason"] is None) != (want["reason"] is None):
        return f"reason {plan['reason']!r}"
    return difference({**plan, "reason": want["reason"]}, want)


def contiguous(shape, positive):
    """Pieces of points cover the slices of the object without a gap, and each holds its points."""
    pieces = [piece for piece in shape["pieces"] if not piece["roi"]]
    if not pieces:
        return True
    ends = [piece["z"] for piece in pieces]
    slices = sorted({r(p[2]) for p in positive})
    return (
        ends == [[a, b] for a, b in zip(slices, slices[1:])]
        and [ends[0][0], ends[-1][1]] == shape["z"]
        and all(z[0] <= piece["key"] < z[1] for z, piece in zip(ends, pieces))
    )


def held(shape, positive, size):
    for piece in shape["pieces"]:
        if piece["roi"]:
            continue
        i0, j0, i1, j1 = piece["rect"]
        for i, j, k in positive:
            if r(k) in piece["z"]:
                # Half a voxel beside the slice is still a voxel's cell, the rectangle ends there.
                i, j = min(max(i, 0), size[0] - 1), min(max(j, 0), size[1] - 1)
                if not (i0 <= i <= i1 and j0 <= j <= j1):
                    return False
    return True


def bordered(shape, size):
    first, last = shape["z"]
    if not 0 <= first <= last < size[2]:
        return False
    if any(not first <= prompt["k"] <= last for prompt in shape["prompts"]):
        return False
    if shape["extent"] == "strict" and any(not first <= c["k"] <= last for c in shape["corrections"]):
        return False
    for cut in shape["cuts"]:
        inside = first <= cut["z"][0] <= cut["z"][1] <= last
        if not inside or not all(0 <= cut[a][0] <= cut[a][1] < n for a, n in zip("ij", size)):
            return False
    return True


def named(planner, label, warnings):
    """The first point of a label that lies outside is named with its place in the list."""
    outside = [i for i, point in enumerate(planner.ask.points) if not planner.inside(point)]
    if not outside or len(warnings) >= MOST_WARNINGS:
        return True
    begins = tuple(f"{word} {outside[0]}{end}" for word in ("point", "points") for end in (" ", ","))
    return any(w.startswith(begins) and f" of '{label}' " in w and "outside" in w for w in warnings)


class Verdict:
    def __init__(self):
        self.done = {}
        self.wrong = 0

    def expect(self, what, trouble, case):
        self.done[what] = self.done.get(what, 0) + 1
        if trouble:
            self.wrong += 1
            if self.wrong <= SHOWN:
                print(f"{what}: {trouble}\n  {json.dumps(case)}")


def check_properties(verdict, case, plan, warnings):
    reader = plan_model.Reader(case)
    for label, asked in zip(case["labels"], reader.asks):
        planner = plan_model.Planner(case, reader, asked)
        verdict.expect("outside is named", not named(planner, label, warnings), case)
    for shape in plan["objects"]:
        label = case["labels"].index(shape["label"])
        positive = plan_model.Planner(case, reader, reader.asks[label]).positive
        verdict.expect("contiguous", not contiguous(shape, positive), case)
        verdict.expect("points in their pieces", not held(shape, positive, case["size"]), case)
        verdict.expect("borders", not bordered(shape, case["size"]), case)
        verdict.expect("prompted", not shape["prompts"], case)


def pieces_of(answer):
    return [(shape["label"], shape["pieces"]) for shape in answer.get("plan", {}).get("objects", [])]


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else COUNT
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else SEED)
    maker = Maker(rng)
    cases = [maker.case() for _ in range(count)]
    answers = ask(program, cases)
    orders = ask(program, [shuffled(case, rng) for case in cases])
    positives = ask(program, [without_negatives(case) for case in cases])
    verdict = Verdict()
    tally = {"valid": 0, "empty": 0, "error": 0}
    for case, got, order, positive in zip(cases, answers, orders, positives):
        verdict.expect("model", compare(got, plan_model.make_plan(case)), case)
        verdict.expect("order", difference(order.get("plan"), got.get("plan")), case)
        verdict.expect("negatives", pieces_of(positive) != pieces_of(got), case)
        kind = "error" if "error" in got else "valid" if got["plan"]["valid"] else "empty"
        tally[kind] += 1
        if kind != "error":
            check_properties(verdict, case, got["plan"], got["warnings"])
    print(f"{count} cases: {tally}; checks: {verdict.done}; {verdict.wrong} wrong")
    # A generator that makes nothing would find nothing.
    thin = count >= 1000 and (tally["valid"] < count / 2 or min(tally.values()) < count / 200)
    return 1 if verdict.wrong or thin else 0


if __name__ == "__main__":
    sys.exit(main())
