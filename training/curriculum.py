"""What a training cycle consists of: single slices with boxes, then all prompts, then pairs of
slices for most of the time, then longer clips; at the end the rate falls to zero.

A later cycle starts from trained weights, so it has the last phase's mix throughout.
"""

BOX = dict(box=1, clicks=0, mask=0)
MASK = dict(box=0, clicks=0, mask=1)


def clicks(n):
    return dict(box=0, clicks=n, mask=0)


def box_and_clicks(n):
    return dict(box=1, clicks=n, mask=0)


# On single slices: how large the object is that was clicked takes longest to learn.
ALL_PROMPTS = [
    (0.14, BOX),
    (0.60, clicks(1)),
    (0.13, clicks(2)),
    (0.05, clicks(3)),
    (0.05, box_and_clicks(1)),
    (0.03, box_and_clicks(2)),
]

# With a clear prompt the network has to look at the memory and not to guess what was meant.
CLIP_PROMPTS = [(0.5, BOX), (0.22, clicks(1)), (0.06, box_and_clicks(1)), (0.22, MASK)]

START_PROMPTS = [(0.55, BOX), (0.3, clicks(1)), (0.15, clicks(2))]

# until: part of the cycle; side: of the images, small ones first; lengths: (share, slices of a
# clip)
MIX = [(0.36, 1), (0.4, 2), (0.24, 4)]
FIRST = [
    dict(until=0.14, side=128, prompts=START_PROMPTS, lengths=[(1.0, 1)], corrections=0.1),
    dict(until=0.30, side=128, prompts=ALL_PROMPTS, lengths=[(0.5, 1), (0.5, 2)], corrections=0.2),
    dict(until=1.00, prompts=ALL_PROMPTS, lengths=MIX, corrections=0.2),
]
LATER = [dict(until=1.00, prompts=ALL_PROMPTS, lengths=MIX, corrections=0.2)]
PHASES = {"first": FIRST, "later": LATER}


def phase_at(kind, part):
    for phase in PHASES[kind]:
        if part < phase["until"]:
            return phase
    return PHASES[kind][-1]


def draw(rng, choices):
    shares = [c[0] for c in choices]
    at = rng.random() * sum(shares)
    for share, value in choices:
        at -= share
        if at < 0:
            return value
    return choices[-1][1]


def plan_step(rng, kind, part, images):
    """The layout of one step: prompts, slices per clip, clips, place of the key slice, and whether
    the masks that are remembered are the true ones: a wrong mask in the memory teaches that the
    memory is not to be trusted. Some are a few pixels too wide or too narrow, so that the edge is
    looked for in the image."""
    phase = phase_at(kind, part)
    side = phase.get("side", 256)
    length = draw(rng, phase["lengths"])
    prompts = draw(rng, phase["prompts"] if length == 1 else CLIP_PROMPTS)
    # The forward pass of a pair of passes starts below the key slice.
    before = int(rng.integers(1, length)) if length > 1 and rng.random() < 0.3 else 0
    wanted = rng.random() < phase["corrections"]
    return dict(
        prompts=prompts,
        side=side,
        length=length,
        before=before,
        clips=max(2, images * (256 // side) // length),
        objects=1 if prompts["mask"] else {1: 3, 2: 2}.get(length, 1),
        span=int(rng.integers(max(length, 3), 33)),
        corrections=int(rng.integers(1, 3)) if wanted else 0,
        late_correction=length > 1 and rng.random() < 0.15,
        true_memory=rng.random() < (0.8 if prompts["clicks"] else 0.5),
        swollen=int(rng.choice([-4, -3, -2, -1, 0, 0, 0, 0, 1, 2, 3, 4])),
    )


def rate_at(part, step, total, flat=0.5):
    """Factor of the learning rate: short rise, level, straight down to zero."""
    rise = min(1.0, (step + 1) / max(1, min(100, total // 20)))
    return rise * min(1.0, max(0.0, (1 - part) / (1 - flat)))
