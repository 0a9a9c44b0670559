"""Losses as published for SAM 2: focal and Dice on the masks, L1 on the predicted IoU, and cross
entropy on the object score."""

import torch
from torch.nn import functional as F

FOCAL, DICE, IOU, SCORE = 20.0, 1.0, 3.0, 1.0


def focal(logits, target, alpha=0.5, gamma=2.0):
    """Mean over the pixels, (N, M). alpha is 1/4 for SAM 2; in a small network that prefers the
    background so much that masks come out a sixth too small."""
    p = torch.sigmoid(logits)
    ce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    miss = p + target - 2 * p * target  # 1 - p_t
    weight = alpha * target + (1 - alpha) * (1 - target)
    return (weight * ce * miss**gamma).mean((2, 3))


def dice(logits, target):
    p = torch.sigmoid(logits)
    both = (p * target).sum((2, 3))
    return 1 - (2 * both + 1) / (p.sum((2, 3)) + target.sum((2, 3)) + 1)


def true_iou(logits, target):
    found, wanted = logits > 0, target > 0.5
    both = (found & wanted).sum((2, 3)).float()
    return both / (found | wanted).sum((2, 3)).clamp(min=1)


def slice_loss(out, target, multiple):
    """out: (logits (N, 4, h, w), ious (N, 4), tokens, score (N)); target (N, H, W) with H a
    multiple of h. multiple: whether the three masks of an ambiguous prompt are in use.

    Of the three masks of an ambiguous prompt the best is trained, and all of them a little: the
    one that is used is chosen by its predicted IoU, and that is too rough in a small network to
    leave the others without meaning. With a single mask in use the three are trained too, all
    alike and with half the weight: at inference an unstable single mask is replaced by one of
    them."""
    masks, ious, _, score = out
    target = target[:, None].float()
    masks = F.interpolate(masks, size=target.shape[2:], mode="bilinear", align_corners=False)
    wide = target.expand_as(masks)
    terms = FOCAL * focal(masks, wide) + DICE * dice(masks, wide)
    best, mean = terms[:, 1:].min(1).values, terms[:, 1:].mean(1)
    mask_term = 0.7 * best + 0.3 * mean if multiple else terms[:, 0] + 0.5 * mean
    iou_term = (ious - true_iou(masks.detach(), wide)).abs().mean(1)
    present = (target.flatten(1).sum(1) > 0).float()
    score_term = F.binary_cross_entropy_with_logits(score, present)
    per_slice = (mask_term + IOU * iou_term) * present
    return per_slice.sum() / len(present) + SCORE * score_term
