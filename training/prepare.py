"""Prepares scenes by worker processes, so that training only cuts windows.

python prepare.py FOLDER --synthetic 0:800 --real 0:300 --workers 2
"""

import argparse
import multiprocessing
import os

from scene import Scene


def make(job):
    kind, seed, path = job
    if os.path.exists(path):
        return
    if kind == "synthetic":
        from synthetic import synthetic_scene as maker
    else:
        from real_scans import real_scene as maker
    scene = maker(seed)
    if scene.objects:
        scene.save(path + ".part.npz")
        os.replace(path + ".part.npz", path)


def jobs(folder, kind, span):
    first, last = (int(v) for v in span.split(":"))
    return [(kind, s, os.path.join(folder, f"{kind}-{s:05d}.npz")) for s in range(first, last)]


def load(folder, kind, most=None):
    names = sorted(n for n in os.listdir(folder) if n.startswith(kind + "-") and n.endswith(".npz"))
    names = [n for n in names if not n.endswith(".part.npz")]
    return [Scene.load(os.path.join(folder, n)) for n in names[-(most or len(names)) :]]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--synthetic", default="0:0", metavar="FIRST:LAST", help="seeds")
    parser.add_argument("--real", default="0:0", metavar="FIRST:LAST", help="seeds")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    a = parser.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    wanted = jobs(a.folder, "synthetic", a.synthetic) + jobs(a.folder, "real", a.real)
    with multiprocessing.Pool(a.workers) as pool:
        for done, _ in enumerate(pool.imap_unordered(make, wanted, 4), 1):
            if done % 100 == 0 or done == len(wanted):
                print(f"{done} of {len(wanted)} scenes", flush=True)


if __name__ == "__main__":
    main()
