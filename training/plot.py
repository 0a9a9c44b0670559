"""Draws the curves of a run.

python plot.py RUN    writes RUN/curves.png
"""

import csv
import os
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def read(path):
    if not os.path.exists(path):
        return []
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def draw_log(rows, axes):
    for axis, names in zip(axes, (["loss"], ["dice_key", "dice_track", "score_right"])):
        for name in names:
            axis.plot(
                [float(r["minutes"]) for r in rows], [float(r[name]) for r in rows], label=name
            )
        axis.set_xlabel("minutes of training")
        axis.legend()


def draw_validation(rows, axis):
    kinds = sorted({(r["volume"], r["prompt"], r["mode"]) for r in rows})
    for kind in kinds:
        if kind[2] != "from_key":
            continue
        own = [r for r in rows if (r["volume"], r["prompt"], r["mode"]) == kind]
        axis.plot(
            [float(r["minutes"]) for r in own],
            [float(r["dice"]) for r in own],
            "-" if kind[1] == "box" else ":",
            label=" ".join(kind[:2]),
        )
    axis.set_xlabel("minutes of training")
    axis.set_ylabel("Dice in 3D")
    axis.set_ylim(0, 1)
    axis.legend(fontsize=6)


def main():
    run = sys.argv[1]
    figure, axes = plt.subplots(1, 3, figsize=(15, 4))
    draw_log(read(os.path.join(run, "log.csv")), axes[:2])
    draw_validation(read(os.path.join(run, "validation.csv")), axes[2])
    figure.tight_layout()
    figure.savefig(os.path.join(run, "curves.png"), dpi=110)


if __name__ == "__main__":
    main()
