"""README.md and README.zh-CN.md say the same: the same headings, commands, table rows, links and code, in the same
order. Words differ; their order within a paragraph may, so paragraphs are compared as a whole.

Commands are equal up to their comments. Of a table's cell the code, the links and the numbers are equal. What is linked
to in the tree is there.
"""

import collections
import re

import gate

ONE, OTHER = "README.md", "README.zh-CN.md"
LINK = re.compile(r"\]\(([^)]*)\)")
CODE = re.compile(r"`([^`]*)`")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# Numbers and names of a language's words: "MedSAM2" has no number.
WORD_WITH_NUMBER = re.compile(r"[A-Za-z_-]+\d[\w-]*")


def facts(text, numbers):
    """What a text has in any language, counted."""
    found = [("link", link) for link in LINK.findall(text) if link not in (ONE, OTHER)]
    bare = LINK.sub("]", text)
    found += [("code", code) for code in CODE.findall(bare)]
    if numbers:
        bare = WORD_WITH_NUMBER.sub("", CODE.sub("", bare))
        found += [("number", number) for number in NUMBER.findall(bare)]
    return sorted(collections.Counter(found).items())


def parts(text):
    """[(line, kind, what must be equal)]"""
    found, paragraph, start = [], [], 0

    def close():
        if paragraph:
            found.append((start, "paragraph", facts(" ".join(paragraph), False)))
            paragraph.clear()

    for number, line in enumerate(text.split("\n"), 1):
        heading = re.match(r"(#+) ", line)
        # A list's items and a picture stand alone.
        alone = heading or line.startswith(("    ", "|", "- ", "![")) or not line.strip()
        if alone:
            close()
        if heading:
            found.append((number, "heading", heading.group(1)))
        elif line.startswith("    "):
            found.append((number, "command", re.sub(r"\s+#.*", "", line)))
        elif line.startswith("|"):
            found.append((number, "row", [facts(cell, True) for cell in line.split("|")]))
        elif line.startswith("- "):
            found.append((number, "item", facts(line, False)))
        elif line.startswith("!["):
            found.append((number, "picture", facts(line, False)))
        elif line.strip():
            start = start if paragraph else number
            paragraph.append(line)
    close()
    return found


def dead_links(root, name, text):
    for number, line in enumerate(text.split("\n"), 1):
        for link in LINK.findall(line):
            if "://" not in link and not (root / link.split("#")[0]).is_file():
                yield f"{name}:{number}: {link} is not there"


def check(root, _args):
    texts = {}
    for name in (ONE, OTHER):
        if not (root / name).is_file():
            return [f"{name}: is missing"]
        text = (root / name).read_text(encoding="utf-8")
        for complaint in dead_links(root, name, text):
            return [complaint]
        texts[name] = parts(text)
    one, other = texts[ONE], texts[OTHER]
    for left, right in zip(one, other):
        if left[1:] != right[1:]:
            return [f"{OTHER}:{right[0]}: {right[1]} {right[2]}, but {ONE}:{left[0]}: {left[1]} {left[2]}"]
    if len(one) != len(other):
        name, longer = (ONE, one) if len(one) > len(other) else (OTHER, other)
        return [f"{name}:{longer[min(len(one), len(other))][0]}: the other file ends before this"]
    return []


TREE = """# A

Words with `code` and a [link](docs/a.md).

    run --it    # so

| part | state |
|---|---|
| `x`, 5.69 s | works ([a](docs/a.md)) |

- [b](docs/b.md): more
"""
CHINESE = """# A

\u8bcd [\u94fe\u63a5](docs/a.md)\uff0c`code`\u3002

    run --it    # \u8fd9\u6837

| \u90e8\u5206 | \u72b6\u6001 |
|---|---|
| 5.69 s\uff0c`x` | \u53ef\u7528\uff08[a](docs/a.md)\uff09 |

- [b](docs/b.md)\uff1a\u66f4\u591a
"""


LINKED = {"docs/a.md": "# A\n", "docs/b.md": "# B\n", "docs/c.md": "# C\n"}


def tree(old="", new=""):
    assert old in CHINESE
    return {**LINKED, ONE: TREE, OTHER: CHINESE.replace(old, new, 1) if old else CHINESE}


REJECTS = [
    ("no translation", {**LINKED, ONE: TREE}),
    ("another command", tree("run --it", "run --that")),
    ("another figure", tree("5.69", "5.6")),
    ("another state of a row", tree("\uff08[a](docs/a.md)\uff09", "")),
    ("a row less", tree("| 5.69 s\uff0c`x` | \u53ef\u7528\uff08[a](docs/a.md)\uff09 |\n", "")),
    ("a heading's level", tree("# A", "## A")),
    ("a heading more", {**LINKED, ONE: TREE, OTHER: CHINESE + "\n## B\n"}),
    ("another link", tree("docs/b.md", "docs/c.md")),
    ("code that is not there", tree("`code`", "code")),
    ("a link to nowhere", {ONE: "[x](docs/x.md)\n", OTHER: "[x](docs/x.md)\n"}),
    ("an item less", tree("- [b](docs/b.md)\uff1a\u66f4\u591a\n", "")),
]
ACCEPTS = [
    ("a translation", tree()),
    ("links to each other", {**LINKED, ONE: TREE + f"\n[x]({OTHER})\n", OTHER: CHINESE + f"\n[x]({ONE})\n"}),
]

if __name__ == "__main__":
    gate.run(check, REJECTS, ACCEPTS)
