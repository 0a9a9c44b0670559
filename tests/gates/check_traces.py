"""Every sentence of docs/prompts.md, every row of its tables and every code block has a record in
tests/prompts_traces.txt that names the tests which fail where it is not kept; those tests run.

A record is a sentence, word for word, and below it one indented line per test:

    Nothing is reoriented.
        tests/app/test_segment.py:Report.test_plan_and_scores
        tests/pipeline/test_plan.c:rule_8_growth

A C test is a cmocka function that its file's main() runs, a Python one a method, Class.method, or a
function of the file. Records stand below the headings of the page, in its order.
"""

import ast
import re

import gate

PAGE = "docs/prompts.md"
RECORDS = "tests/prompts_traces.txt"

_LIST_ITEM = re.compile(r"^(?:\d+\.|-) (?:\*[^*]+\.\* )?")
# A point that ends something, and what can begin a sentence behind it.
_END = re.compile(r"(?<=[^\s.])\. (?=[A-Z`*\"\[(])")


def blocks(text):
    """(heading, text) of every paragraph, list item, row of a table and code block of the page."""
    heading, lines, code = "", [], False
    found = []

    def close():
        if lines:
            found.append((heading, " ".join(" ".join(lines).split())))
            lines.clear()

    for line in text.splitlines():
        if line.startswith("```"):
            code = not code
            close()
        elif code:
            lines.append(line)
        elif line.startswith("#"):
            close()
            heading = line.lstrip("# ")
        elif line.startswith("|"):
            close()
            found.append((heading, " ".join(line.split())))
        elif not line.strip():
            close()
        elif _LIST_ITEM.match(line):
            close()
            lines.append(_LIST_ITEM.sub("", line))
        else:
            lines.append(line)
    close()
    return found


def sentences(text):
    """(heading, sentence) of the page, in its order."""
    found = []
    for heading, block in blocks(text):
        if block.startswith("|"):
            if set(block) - set("|-: "):
                found.append((heading, block))
            else:
                found.pop()  # the names of the columns, which are above this line
        elif block.startswith("{"):
            found.append((heading, block))
        else:
            parts = _END.split(block)
            found += [(heading, part + ".") for part in parts[:-1]] + [(heading, parts[-1])]
    return found


def records(text):
    """((heading, sentence), tests, line) of every record."""
    heading, words, tests, begin = "", [], [], 0
    found = []

    def close():
        if words:
            found.append(((heading, " ".join(" ".join(words).split())), list(tests), begin))
        words.clear()
        tests.clear()

    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            close()
        elif line.startswith("# "):
            close()
            heading = line[2:].strip()
        elif line[0].isspace():
            tests.append(line.strip())
        else:
            if tests:
                close()
            begin = begin if words else number
            words.append(line)
    close()
    return found


class Tests:
    """The tests of the tree, by path and name."""

    def __init__(self, root):
        self.root = root
        self.known = {}

    def _c_tests(self, text):
        bare = gate.blank(text)
        defined = set(re.findall(r"\bvoid (\w+)\(void \*\*\w+\)\n?\s*\{", bare))
        run = set(re.findall(r"\b(?:cmocka_unit_test\w*|TEST)\(\s*(\w+)", bare))
        return defined & run

    def _python_tests(self, text):
        found = set()
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.FunctionDef) and part.name.startswith("test_"):
                        found.add(f"{node.name}.{part.name}")
        return found

    def _is_built(self, path):
        """CTest knows the file: its folder's CMakeLists.txt has its name."""
        lists = path.parent / "CMakeLists.txt"
        names = {path.stem, re.sub("^(test|oracle)_", "", path.stem)}
        return lists.is_file() and bool(names & set(re.findall(r"\w+", gate.read(lists))))

    def _read(self, name):
        path = self.root / name
        if not path.is_file() or not name.startswith("tests/"):
            return None
        if not self._is_built(path):
            return set()
        return (self._python_tests if path.suffix == ".py" else self._c_tests)(gate.read(path))

    def complaint(self, test):
        name, _, function = test.partition(":")
        if name not in self.known:
            self.known[name] = self._read(name)
        if self.known[name] is None:
            return f"there is no file {name}"
        if function not in self.known[name]:
            return f"{name} runs no test {function}"
        return None


def shortened(sentence):
    heading, text = sentence
    return f"{heading}: '{text if len(text) <= 70 else text[:67] + '...'}'"


def check(root, _args):
    page, traces = root / PAGE, root / RECORDS
    if not page.is_file() or not traces.is_file():
        return [f"{PAGE} and {RECORDS} go together; one is missing"]
    wanted, kept, tests = sentences(gate.read(page)), records(gate.read(traces)), Tests(root)
    have = [sentence for sentence, _tests, _line in kept]
    complaints = [f"{PAGE}: no record in {RECORDS}: {shortened(s)}" for s in wanted if s not in have]
    for sentence, named, line in kept:
        where = f"{RECORDS}:{line}"
        if sentence not in wanted:
            complaints.append(f"{where}: not on the page: {shortened(sentence)}")
        if not named:
            complaints.append(f"{where}: no test")
        complaints += [f"{where}: {said}" for said in map(tests.complaint, named) if said]
    if not complaints and have != wanted:
        line = next(k[2] for k, w in zip(kept, wanted + [None]) if k[0] != w)
        complaints.append(f"{RECORDS}:{line}: records stand in the order of the page, each once")
    return complaints


_PAGE = """# Title

Words of a page. More of
them, 0 ... n.

## Rules

| key | meaning |
|---|---|
| `a` | one. Two |

1. *Name.* First. `b` is second.
   Third.
"""
_RECORDS = """# Title

Words of a page.
    tests/a/test_x.c:one

More of them, 0 ... n.
    tests/a/test_x.c:one
    tests/a/test_y.py:Case.test_it

# Rules

| `a` | one.
Two |
    tests/a/test_y.py:helper

First.
    tests/a/test_x.c:one

`b` is second.
    tests/a/test_x.c:one

Third.
    tests/a/test_x.c:one
"""
_C = """static void one(void **state)
{
}
static void idle(void **state)
{
}
/* cmocka_unit_test(idle) */
int main(void) { cmocka_unit_test(one); }
"""
_PYTHON = """def helper():
    pass
class Case:
    def test_it(self):
        pass
"""


def _tree(page=_PAGE, traces=_RECORDS, lists="vox_test(x a)\nadd(NAME a/y test_y.py)\n"):
    tree = {"tests/a/test_x.c": _C, "tests/a/test_y.py": _PYTHON, "tests/a/CMakeLists.txt": lists}
    return {**tree, **({PAGE: page} if page else {}), **({RECORDS: traces} if traces else {})}


def _traces(old, new):
    assert old in _RECORDS
    return _tree(traces=_RECORDS.replace(old, new))


def _page(old, new):
    assert old in _PAGE
    return _tree(page=_PAGE.replace(old, new))


REJECTS = [
    ("no records", _tree(traces=None)),
    ("no page", _tree(page=None)),
    ("a new sentence", _page("Third.", "Third. Fourth.")),
    ("a new row", _page("| `a`", "| `c` | three |\n| `a`")),
    ("a new item", _page("Third.", "Third.\n2. *Other.* More.")),
    ("a new paragraph", _page("## Rules", "More.\n\n## Rules")),
    ("a code block", _page("## Rules", "```json\n{}\n```\n\n## Rules")),
    ("a sentence that changed", _page("First.", "At first.")),
    ("a sentence that went", _page(" First.", "")),
    ("a sentence under another heading", _page("More of\nthem, 0 ... n.\n\n## Rules", "\n\n## Rules\n\nMore of them, 0 ... n.")),
    ("a record without a test", _traces("`b` is second.\n    tests/a/test_x.c:one", "`b` is second.")),
    ("records in another order", _traces("# Rules\n", "# Rules\n\nThird.\n    tests/a/test_x.c:one\n")),
    ("a record twice", _traces("Third.\n", "Third.\n    tests/a/test_x.c:one\n\nThird.\n")),
    ("an unknown file", _traces("test_y.py:helper", "test_z.py:helper")),
    ("an unknown method", _traces("Case.test_it", "Case.test_other")),
    ("an unknown function", _traces("test_y.py:helper", "test_y.py:Case")),
    ("an unknown C test", _traces("Third.\n    tests/a/test_x.c:one", "Third.\n    tests/a/test_x.c:two")),
    ("a C test that is not run", _traces("Third.\n    tests/a/test_x.c:one", "Third.\n    tests/a/test_x.c:idle")),
    ("a C file that is not built", _tree(lists="add(NAME a/y test_y.py)\n")),
    ("a Python file that is not run", _tree(lists="vox_test(x a)\n")),
]  # fmt: skip
ACCEPTS = [
    ("a record for each", _tree()),
    ("other line breaks", _page("Words of a page. More of\nthem", "Words of\na page.\nMore of them")),
]  # fmt: skip

if __name__ == "__main__":
    gate.run(check, REJECTS, ACCEPTS)
