"""What every gate shares: finding source files, reading C without its comments and strings, and the
command line.

A gate is a function check(root, args) that returns complaints, one string each. `gate.run` calls it
for a source tree, or, with --self-check, for small trees that it must reject and small trees that
it must accept, so that each gate is known to be able to fail. Standard library only.
"""

import argparse
import pathlib
import re
import sys
import tempfile

# Folders at the top of the tree that hold no source: builds, downloads, caches.
NOT_SOURCE = {".git", ".venv", ".cache", "build", "models"}

# A comment, a string or a character constant of C, whichever comes first.
_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)


def files(root, folders=None, suffixes=None, names=()):
    """Paths of the tree, relative to root and sorted; folders None means the whole tree."""
    found = []
    for top in sorted(root.iterdir()) if folders is None else [root / folder for folder in folders]:
        if folders is None and top.name in NOT_SOURCE:
            continue
        candidates = top.rglob("*") if top.is_dir() else [top]
        for path in candidates:
            if "__pycache__" in path.parts or not path.is_file():
                continue
            if suffixes is None or path.suffix in suffixes or path.name in names:
                found.append(path.relative_to(root))
    return sorted(found)


def blank(text, keep_strings=False):
    """C text with comments and the insides of strings as spaces; lines and columns stay."""

    def replace(match):
        token = match.group(0)
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        return token if keep_strings else token[0] + " " * (len(token) - 2) + token[-1]

    return _TOKEN.sub(replace, text)


def includes(text):
    """(line, is_system, name) of every #include in C text."""
    bare = blank(text, keep_strings=True)
    return [
        (line_of(bare, m.start()), m.group(1) == "<", m.group(2)) for m in _INCLUDE.finditer(bare)
    ]


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def read(path):
    """Text of a source file; check_ascii.py names the bytes that are no UTF-8."""
    return path.read_text(encoding="utf-8", errors="replace")


def _write_tree(root, tree):
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def _self_check(check, rejects, accepts, args):
    wrong = []
    for title, tree, must_fail in [(t, f, True) for t, f in rejects] + [
        (t, f, False) for t, f in accepts
    ]:
        with tempfile.TemporaryDirectory(prefix="gate.") as folder:
            _write_tree(pathlib.Path(folder), tree)
            complaints = check(pathlib.Path(folder), args)
        if must_fail and not complaints:
            wrong.append(f"self-check: nothing was said about: {title}")
        if not must_fail:
            wrong.extend(
                f"self-check: {title} should pass: {complaint}" for complaint in complaints
            )
    print(f"self-check: {len(rejects)} bad trees, {len(accepts)} good trees")
    return wrong


def run(check, rejects, accepts, options=()):
    """Command line of a gate: check_x.py [--self-check] [options] ROOT. Status 1: complaints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--self-check", action="store_true")
    for option, settings in options:
        parser.add_argument(option, **settings)
    args = parser.parse_args()
    if args.self_check:
        complaints = _self_check(check, rejects, accepts, args)
    else:
        complaints = check(args.root.resolve(), args)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    sys.exit(1 if complaints else 0)
