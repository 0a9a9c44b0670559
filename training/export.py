"""Writes trained weights in the published forms.

    python export.py RUN/last.pt OUT    writes OUT.safetensors (bfloat16) and OUT.pt (float32)

The averaged weights are taken. Both files hold the same numbers: those that bfloat16 can hold.
"""

import argparse

import torch
from safetensors.torch import save_file

import validate


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("checkpoint")
    p.add_argument("out")
    a = p.parse_args()
    rounded = {
        k: v.to(torch.bfloat16).contiguous() for k, v in validate.read_weights(a.checkpoint).items()
    }
    save_file(rounded, a.out + ".safetensors", {"format": "pt"})
    torch.save({"model": {k: v.float() for k, v in rounded.items()}}, a.out + ".pt")
    print(f"{sum(v.numel() for v in rounded.values())} values in {len(rounded)} tensors")


if __name__ == "__main__":
    main()
