"""Adds up JUnit files and recorded steps: `python3 -m support.totals FOLDER` prints the slowest tests and the totals.

Each part of tests/run.sh leaves NAME.xml (pytest, ctest) or a line `passed|failed|skipped SECONDS NAME` in steps.txt.
The last line is `N passed, N failed` alone; tests that did not run are named before it, and under CI=true they failed.
"""
import glob
import os
import sys
import xml.etree.ElementTree as xml


def junit(path):
    """(outcome, seconds, name) of each test case."""
    part = os.path.splitext(os.path.basename(path))[0]
    for case in xml.parse(path).getroot().iter("testcase"):
        name = f"{part}: {case.get('classname', '')}.{case.get('name')}".replace(f"{part}: {case.get('name')}.", f"{part}: ")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = "failed"
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            outcome = "skipped"
        else:
            outcome = "passed"
        yield outcome, float(case.get("time") or 0), name


def steps(path):
    with open(path) as file:
        for line in file:
            outcome, seconds, name = line.rstrip("\n").split(" ", 2)
            yield outcome, float(seconds), name


def main(folder):
    found = []
    for path in sorted(glob.glob(f"{folder}/*.xml")):
        found += junit(path)
    if os.path.exists(f"{folder}/steps.txt"):
        found += steps(f"{folder}/steps.txt")
    print("\nthe ten slowest:")
    for outcome, seconds, name in sorted(found, key=lambda test: -test[1])[:10]:
        print(f"  {seconds:7.1f} s  {name}")
    count = {word: [name for outcome, _, name in found if outcome == word] for word in ("passed", "failed", "skipped")}
    for name in count["skipped"]:
        print(f"NOT RUN {name}")
    for name in count["failed"]:
        print(f"FAILED  {name}")
    in_ci = os.environ.get("CI") == "true"
    if count["skipped"]:
        print(f"{len(count['skipped'])} did not run" + (", which counts as failed in CI" if in_ci else ""))
    failed = len(count["failed"]) + (len(count["skipped"]) if in_ci else 0)
    if not count["passed"]:
        failed = max(failed, 1)  # a run that ran nothing has not passed
    print(f"{len(count['passed'])} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
