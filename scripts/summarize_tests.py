"""Adds up a run of ./run_tests.sh: summarize_tests.py FOLDER, which holds CTest's JUnit files and
checks.txt.

Names what failed and what was not run; the last line is "N passed, N failed". Exit status 1 if
anything failed or nothing passed. A test that could not be started failed; one that was disabled,
as its data is missing, was not run. Cases that a passed test has skipped are named too, by what
unittest and cmocka print of them.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as xml


SKIPPED = re.compile(r"skipped=(\d+)|\[  SKIPPED \] (\d+) test")


def skipped_cases(case):
    found = SKIPPED.findall(case.findtext("system-out") or "")
    return sum(int(python or c) for python, c in found)


def from_junit(path):
    """(verdict, name) per test of one JUnit file of CTest, and per test that skipped cases."""
    for case in xml.parse(path).getroot().iter("testcase"):
        status = case.get("status")
        if status == "run":
            verdict = "passed"
        elif status == "disabled":
            verdict = "not run"
        else:
            verdict = "failed"
        yield verdict, f"{path.stem}: {case.get('name')}"
        if skipped := skipped_cases(case):
            yield "not run", f"{path.stem}: {skipped} of the cases of {case.get('name')}"


def from_checks(path):
    """(verdict, name) per line "passed NAME" or "failed NAME"."""
    for line in path.read_text(encoding="utf-8").splitlines():
        verdict, _, name = line.partition(" ")
        yield ("passed" if verdict == "passed" else "failed"), name


def main():
    folder = pathlib.Path(sys.argv[1])
    results = []
    for path in sorted(folder.glob("*.xml")):
        results.extend(from_junit(path))
    checks = folder / "checks.txt"
    if checks.exists():
        results.extend(from_checks(checks))
    count = {"passed": 0, "failed": 0, "not run": 0}
    for verdict, name in results:
        count[verdict] += 1
        if verdict != "passed":
            print(f"{verdict}: {name}")
    if count["not run"]:
        print(f"{count['not run']} not run")
    print(f"{count['passed']} passed, {count['failed']} failed")
    sys.exit(0 if count["passed"] and not count["failed"] else 1)


if __name__ == "__main__":
    main()
