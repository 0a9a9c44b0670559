"""One object on a clip of slices: prompts on the key slice, then tracking in pass order.

The order, the choice of memories and the choice among masks are those of the published predictor
(sam2/sam2_video_predictor.py, sam2/modeling/sam2_base.py); training and validation share them.
"""

import torch
from torch.nn import functional as F

import network

STABLE_DELTA, STABLE_LEAST = 0.05, 0.98


def choose_mask(out, multiple):
    """The mask that is used, (N, 1, h, w), and its token for the object pointer."""
    masks, ious, tokens, _ = out
    rows = torch.arange(len(masks), device=masks.device)
    best = 1 + ious[:, 1:].argmax(1)
    if multiple:
        return masks[rows, best][:, None], tokens[rows, best]
    inner = (masks[:, 0] > STABLE_DELTA).flatten(1).sum(1).float()
    outer = (masks[:, 0] > -STABLE_DELTA).flatten(1).sum(1).float()
    stable = (
        torch.where(outer > 0, inner / outer.clamp(min=1), torch.ones_like(outer)) >= STABLE_LEAST
    )
    return masks[rows, torch.where(stable, 0, best)][:, None], tokens[:, 0]


def mask_logits(mask):
    """Low-resolution logits (N, 1, S/4, S/4) of masks (N, S, S)."""
    full = mask[:, None].float() * 20 - 10
    return F.interpolate(full, scale_factor=0.25, mode="bilinear", antialias=True)


class Features:
    """What the encoder made of a clip, slice by slice."""

    def __init__(self, net, images, objects=1):
        """images: bytes (N, T, S, S); every clip appears `objects` times in a row."""
        count, self.length = images.shape[:2]
        flat = net.encode(network.normalise(images.flatten(0, 1)))
        self.levels = [x.view(count, self.length, *x.shape[1:]) for x in flat]
        if objects > 1:
            self.levels = [x.repeat_interleave(objects, 0) for x in self.levels]

    def at(self, t):
        return [x[:, t] for x in self.levels]


class Track:
    """State of one pass over a batch of clips."""

    def __init__(self, net, features, span):
        self.net, self.features, self.span = net, features, max(2, min(span, 16))
        self.cond, self.tracked = {}, {}

    def prompt(self, t, xy, labels, previous=None):
        """Decodes a slice that is seen for the first time; previous: logits of an earlier round."""
        s0, s1, f2 = self.features.at(t)
        mask = None if previous is None else previous.clamp(-32, 32)
        return self.net.decode(self.net.first_sight(f2), s0, s1, xy, labels, mask)

    def commit_prompted(self, t, low, token, present):
        self.commit(self.cond, t, low, token, present, True)

    def commit(self, where, t, low, token, present, binary, pointer=None):
        low = torch.where(present[:, None, None, None], low, torch.full_like(low, network.ABSENT))
        memory = self.net.remember(self.features.at(t)[2], low, present, binary)
        if pointer is None:
            pointer = self.net.pointer(token, present)
        where[t] = (memory.bfloat16().float() if not memory.requires_grad else memory, pointer)
        return low

    def commit_mask(self, t, mask):
        """mask: (N, S, S), a mask prompt; returns its low-resolution logits."""
        net = self.net
        s0, s1, f2 = self.features.at(t)
        full = mask[:, None].float()
        low = mask_logits(mask)
        out = net.decode(f2, s0, s1, mask=net.mask_downsample(full).float())
        _, token = choose_mask(out, False)
        there = mask.flatten(1).any(1)
        pointer = net.pointer(token, (out[3] > 0) | ~there)
        pointer = torch.where(there[:, None], pointer, net.no_obj_ptr.expand_as(pointer))
        # A prompted slice counts as present; an empty mask is remembered as empty, not as absent.
        self.commit(self.cond, t, low, None, torch.ones_like(there), True, pointer)
        return low, out

    def conditioned(self, t):
        """Features of slice t that know the prompted slices and those tracked before it."""
        top = self.net.slots - 1
        memories = [(m, top) for m, _ in self.cond.values()]
        memories += [
            (self.tracked[t - k][0], k - 1) for k in range(top, 0, -1) if t - k in self.tracked
        ]
        pointers = [(p, t - c) for c, (_, p) in self.cond.items() if c <= t]
        pointers += [
            (self.tracked[t - k][1], k) for k in range(1, self.span) if t - k in self.tracked
        ]
        return self.net.recall(self.features.at(t)[2], memories, pointers, self.span)

    def decode_tracked(self, f, t, xy=None, labels=None, previous=None):
        s0, s1, _ = self.features.at(t)
        mask = None if previous is None else previous.clamp(-32, 32)
        return self.net.decode(f, s0, s1, xy, labels, mask)

    def commit_tracked(self, t, low, token, present):
        return self.commit(self.tracked, t, low, token, present, False)


def error_clicks(low, target):
    """A click per clip in the largest mistake: (N, 1, 2) in pixels of the target, and labels."""
    side = target.shape[-1]
    found = F.interpolate(low, size=(side, side), mode="bilinear", align_corners=False)[:, 0] > 0
    points, labels = [], []
    for f, t in zip(found, target > 0.5):
        missed, extra = t & ~f, f & ~t
        wrong = missed if missed.sum() >= extra.sum() else extra
        if not wrong.any():
            wrong = t if t.any() else ~t
        # The inside of a mistake is likelier than its rim.
        weight = F.avg_pool2d(wrong[None, None].float(), 9, 1, 4)[0, 0] * wrong
        at = int(torch.multinomial(weight.flatten() ** 2 + 1e-12 * wrong.flatten(), 1))
        points.append([float(at % side), float(at // side)])
        labels.append(1 if bool(t[at // side, at % side]) else 0)
    return (
        torch.tensor(points, device=low.device)[:, None],
        torch.tensor(labels, device=low.device)[:, None],
    )
