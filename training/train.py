"""Trains the network, in pieces as short as one likes.

    python train.py RUN --scenes FOLDER --steps 6000              the first cycle
    python train.py RUN --scenes FOLDER --minutes 10              goes on, at most ten minutes
    python train.py RUN --scenes FOLDER --steps 3000 --cycle later   another cycle after the first
    python train.py RUN --scenes FOLDER --weights FILE --cycle later   from weights alone

RUN holds last.pt (everything needed to go on), log.csv, and validation.csv.
"""

import argparse
import copy
import csv
import math
import os
import signal
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: others use the cores too

import numpy as np
import torch

import clip
import curriculum
import losses
import network
import prepare
import samples
import validate

HERE = os.path.dirname(os.path.abspath(__file__))
MUON_RATE = 4.0  # times the rate of AdamW


def split_parameters(net):
    """Matrices of the trunk and the mask decoder go to Muon, everything else to AdamW: the memory
    path runs away under Muon."""
    matrices, decayed, plain = [], [], []
    for name, p in net.named_parameters():
        inner = ".blocks." in name or "sam_mask_decoder.transformer" in name
        if p.ndim == 2 and inner and "embed" not in name:
            matrices.append(p)
        elif p.ndim >= 2 and "embed" not in name and "token" not in name and "tpos_enc" not in name:
            decayed.append(p)
        else:
            plain.append(p)
    return matrices, decayed, plain


class Optimisers:
    def __init__(self, net, rate):
        matrices, decayed, plain = split_parameters(net)
        self.rate = rate
        self.all = [
            torch.optim.Muon(
                matrices, lr=rate, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"
            ),
            torch.optim.AdamW(
                [dict(params=decayed, weight_decay=0.1), dict(params=plain, weight_decay=0.0)],
                lr=rate,
                betas=(0.9, 0.98),
            ),
        ]

    def step(self, factor):
        for optimiser, own in zip(self.all, (MUON_RATE, 1.0)):
            for group in optimiser.param_groups:
                group["lr"] = self.rate * factor * own
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state(self):
        return [o.state_dict() for o in self.all]

    def load(self, states):
        for o, s in zip(self.all, states):
            o.load_state_dict(s)


class Average:
    """Running mean of the weights: what is validated and exported."""

    def __init__(self, net):
        self.net = copy.deepcopy(net).requires_grad_(False).eval()

    def follow(self, net, total):
        """total: steps of the cycle; the mean reaches back over about an eighth of it."""
        keep = min(0.998, max(0.5, 1 - 8 / total))
        with torch.no_grad():
            for mine, other in zip(self.net.parameters(), net.parameters()):
                mine.lerp_(other, 1 - keep)


def pool_target(masks):
    """The loss is taken at half the side of the images, twice that of the logits."""
    return torch.nn.functional.avg_pool2d(masks.float(), 2)


def swell(masks, pixels):
    """Masks (N, S, S) made wider, or narrower where pixels is negative; none vanishes."""
    if pixels == 0:
        return masks
    size = 2 * abs(pixels) + 1
    grown = lambda m: torch.nn.functional.max_pool2d(m[:, None], size, 1, abs(pixels))[:, 0]
    if pixels > 0:
        return grown(masks)
    left = 1 - grown(1 - masks)
    return torch.where(left.flatten(1).any(1)[:, None, None], left, masks)


def slice_dice(low, target):
    found = torch.nn.functional.interpolate(low, size=target.shape[-2:], mode="bilinear")[:, 0] > 0
    wanted = target > 0.5
    both = (found & wanted).sum((1, 2)).float()
    return 2 * both / (found.sum((1, 2)) + wanted.sum((1, 2))).clamp(min=1)


class Step:
    """Forward of one batch; collects the losses and what the log shows."""

    def __init__(self, net, batch, plan):
        self.net, self.batch, self.plan = net, batch, plan
        self.targets = pool_target(batch["masks"])
        self.present = batch["masks"].flatten(2).any(2)
        self.terms, self.notes = [], {"key": [], "track": [], "score": []}

    def take(self, out, t, multiple, kind):
        self.terms.append(losses.slice_loss(out, self.targets[:, t], multiple))
        low, token = clip.choose_mask(out, multiple)
        present = out[3] > 0
        with torch.no_grad():
            there = self.present[:, t]
            dice = slice_dice(low, self.targets[:, t])[there]
            self.notes[kind].append(dice.mean() if len(dice) else torch.tensor(float("nan")))
            self.notes["score"].append((present == there).float().mean())
        # A slice wrongly called empty would hide the object from all slices behind it.
        return low, token, present | self.present[:, t]

    def run(self):
        net, batch, plan = self.net, self.batch, self.plan
        features = clip.Features(net, batch["images"], len(batch["masks"]) // len(batch["images"]))
        self.scales = {
            "neck_mean": features.levels[2].mean().item(),
            "neck_deviation": features.levels[2].std().item(),
        }
        track = clip.Track(net, features, plan["span"])
        key = batch["key"]
        if batch["mask_prompt"]:
            _, out = track.commit_mask(key, batch["masks"][:, key])
            self.terms.append(0.3 * losses.slice_loss(out, self.targets[:, key], False))
        else:
            self.prompted(track, key)
        for t in range(batch["images"].shape[1]):
            if t != key:
                self.tracked(track, t)
        return torch.stack(self.terms).mean()

    def prompted(self, track, t):
        xy, labels = self.batch["xy"], self.batch["labels"]
        multiple = xy.shape[1] <= 1
        out = track.prompt(t, xy, labels)
        low, token, present = self.take(out, t, multiple, "key")
        for _ in range(self.plan["corrections"]):
            more, sign = self.clicks(low, t)
            xy, labels = torch.cat([xy, more], 1), torch.cat([labels, sign], 1)
            out = track.prompt(t, xy, labels, low.detach())
            low, token, present = self.take(out, t, False, "key")
        track.commit_prompted(t, self.remembered(low, t), token, present)

    def remembered(self, low, t):
        """The logits that go into the memory of slice t."""
        if not self.plan["true_memory"]:
            return low
        return clip.mask_logits(swell(self.batch["masks"][:, t].float(), self.plan["swollen"]))

    def tracked(self, track, t):
        f = track.conditioned(t)
        if t == self.batch["key"] + 1:
            bare = self.net.first_sight(track.features.at(t)[2])
            self.scales["memory_change"] = (f - bare).std().item()
        out = track.decode_tracked(f, t)
        low, token, present = self.take(out, t, False, "track")
        if self.plan["late_correction"]:
            more, sign = self.clicks(low, t)
            out = track.decode_tracked(f, t, more, sign, low.detach())
            low, token, present = self.take(out, t, False, "track")
        track.commit_tracked(t, self.remembered(low, t), token, present)

    def clicks(self, low, t):
        with torch.no_grad():
            xy, sign = clip.error_clicks(low, self.targets[:, t])
            return (xy + 0.5) * 2 - 0.5, sign

    def summary(self):
        mean = lambda v: float(torch.stack(v).nanmean()) if v else float("nan")
        return dict(
            {
                f"dice_{k}" if k != "score" else "score_right": mean(v)
                for k, v in self.notes.items()
            },
            **self.scales,
        )


class Run:
    def __init__(self, a):
        self.a, self.path = a, os.path.join(a.run, "last.pt")
        os.makedirs(a.run, exist_ok=True)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(a.seed)
        self.net = network.build(a.config)
        network.initialise(self.net)
        self.at = dict(step=0, total=0, cycle=a.cycle, cycles=0, seconds=0.0)
        saved = None
        if os.path.exists(self.path):
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
        if saved:
            self.net.load_state_dict(saved["model"])
        elif a.weights:
            self.net.load_state_dict(validate.read_weights(a.weights))
        self.net.to(self.device)
        self.optimisers, self.average = Optimisers(self.net, a.rate), Average(self.net)
        if saved:
            self.restore(saved)
        if self.at["step"] >= self.at["total"]:
            self.new_cycle()
        elif a.steps:
            self.at["total"] = max(a.steps, self.at["step"] + 1)

    def restore(self, saved):
        self.at = saved["at"]
        self.average.net.load_state_dict(saved["average"])
        if self.at["step"] < self.at["total"]:
            self.optimisers.load(saved["optimisers"])

    def new_cycle(self):
        """A cycle begins with fresh optimisers and from the averaged weights."""
        self.net.load_state_dict(self.average.net.state_dict())
        self.optimisers = Optimisers(self.net, self.a.rate)
        kind = self.a.cycle if self.at["cycles"] == 0 else "later"
        self.at.update(step=0, total=self.a.steps or 6000, cycle=kind, cycles=self.at["cycles"] + 1)

    def save(self):
        state = dict(
            model=self.net.state_dict(),
            average=self.average.net.state_dict(),
            optimisers=self.optimisers.state(),
            at=self.at,
        )
        torch.save(state, self.path + ".part")
        os.replace(self.path + ".part", self.path)

    def note(self, name, row):
        path = os.path.join(self.a.run, name)
        new = not os.path.exists(path)
        with open(path, "a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, row)
            if new:
                writer.writeheader()
            writer.writerow(row)

    def one_step(self, sampler):
        a, at = self.a, self.at
        rng = np.random.default_rng([a.seed, at["cycles"], at["step"]])
        torch.manual_seed(int(rng.integers(2**31)))
        part = at["step"] / at["total"]
        plan = curriculum.plan_step(rng, at["cycle"], part, a.images)
        if plan["side"] != self.net.image_size:
            self.net.set_side(plan["side"])
            sampler.side = plan["side"]
        batch = sampler.batch(rng, plan["clips"], plan["prompts"], plan["length"], plan["before"])
        batch = {k: v.to(self.device) if torch.is_tensor(v) else v for k, v in batch.items()}
        step = Step(self.net, batch, plan)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=not a.float32):
            loss = step.run()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        if torch.isfinite(norm):
            self.optimisers.step(curriculum.rate_at(part, at["step"], at["total"]))
            self.average.follow(self.net, at["total"])
        else:
            self.net.zero_grad(set_to_none=True)
        at["step"] += 1
        return dict(loss=loss.item(), norm=norm.item(), length=plan["length"], **step.summary())

    def train(self, sampler):
        a, start, rows = self.a, time.time(), []
        stopped = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.append(True))
        last = start
        while self.at["step"] < self.at["total"]:
            rows.append(self.one_step(sampler))
            now = time.time()
            self.at["seconds"] += now - last
            last = now
            over = stopped or (a.minutes and now - start > 60 * a.minutes)
            if self.at["step"] % 100 == 0:
                self.save()
            if self.at["step"] % a.log_every == 0 or over:
                self.report(rows)
                rows = []
            if self.at["step"] % a.validate_every == 0 or self.at["step"] == self.at["total"]:
                self.save()
                self.validate()
                last = time.time()
            if over:
                break
        self.save()

    def report(self, rows):
        names = sorted({k for r in rows for k in r})
        means = {}
        for k in names:
            known = [r[k] for r in rows if k in r and not math.isnan(r[k])]
            means[k] = sum(known) / len(known) if known else math.nan
        row = dict(
            cycle=self.at["cycles"], step=self.at["step"], minutes=round(self.at["seconds"] / 60, 2)
        )
        for k in (
            "loss",
            "norm",
            "length",
            "dice_key",
            "dice_track",
            "score_right",
            "neck_mean",
            "neck_deviation",
            "memory_change",
        ):
            row[k] = round(means.get(k, math.nan), 4)
        self.note("log.csv", row)
        print(" ".join(f"{k} {v}" for k, v in row.items()), flush=True)

    def validate(self):
        if not self.a.validation:
            return
        head = dict(
            cycle=self.at["cycles"], step=self.at["step"], minutes=round(self.at["seconds"] / 60, 2)
        )
        for row in validate.table(
            self.average.net,
            validate.read_list(self.a.validation),
            ("box", "click"),
            ("from_key", "intersection"),
        ):
            self.note("validation.csv", dict(head, **row))
            print("   ", validate.line(row), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("run")
    p.add_argument("--scenes", required=True, help="folder made by prepare.py")
    p.add_argument("--config", default=os.path.join(HERE, "voxlabel-nano.yaml"))
    p.add_argument("--steps", type=int, help="of a cycle, default 6000; also changes a running one")
    p.add_argument("--minutes", type=float, help="stop after this time; the next call goes on")
    p.add_argument("--cycle", choices=sorted(curriculum.PHASES), default="first")
    p.add_argument("--weights", help="start from this .pt or .safetensors, optimisers fresh")
    p.add_argument("--rate", type=float, default=5e-4)
    p.add_argument("--images", type=int, default=12, help="slices per step")
    p.add_argument("--real", type=float, default=0.4, help="share of objects from real scans")
    p.add_argument("--newest", type=int, help="use only this many scenes of each kind, the last")
    p.add_argument("--validation", help="list of volumes, see validate.py")
    p.add_argument("--validate-every", type=int, default=250)
    p.add_argument("--log-every", type=int, default=25)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--float32", action="store_true", help="no bfloat16")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    run = Run(a)
    pools = [
        (1 - a.real, prepare.load(a.scenes, "synthetic", a.newest)),
        (a.real, prepare.load(a.scenes, "real", a.newest)),
    ]
    run.train(samples.Sampler(pools, run.net.image_size))


if __name__ == "__main__":
    main()
