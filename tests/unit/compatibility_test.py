"""docs/compatibility.md says what is so: its list of answers is the test's, and each test that it names is there; docs/rest.md has each
route. Run by pytest."""

import pathlib
import re

from support.peerdb_answers import page_section, read_listed, steps

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/compatibility.md").read_text()
FAULTS = re.compile(r"^\| (\d+) \|.*\| ([^|]*) \|$", re.MULTILINE)


def names_in_the_tree():
    """`test_x.py::test_y` and `Suite.Name`."""
    names = set()
    for path in (ROOT / "tests").rglob("*.py"):
        names |= {f"{path.name}::{name}" for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}
    for path in (ROOT / "tests/unit").rglob("*.cc"):
        found = re.findall(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", path.read_text(), re.MULTILINE)
        names |= {f"{suite}.{name}" for suite, name in found}
    return names


def test_the_page_shows_the_answers_that_differ():
    shown = PAGE.split("<!-- answers -->\n", 1)[1].split("\n<!-- end -->", 1)[0]
    assert shown == page_section(), f"docs/compatibility.md must have:\n{page_section()}"


def test_every_difference_has_a_reason_and_a_step():
    reasons, listed = read_listed()
    names = {step["name"] for step in steps()}
    for step, difference, why in listed:
        assert step in names and difference and why in reasons, (step, difference, why)
    assert len(set(listed)) == len(listed)


def test_every_fault_is_told_with_tests_that_are_there():
    rows = FAULTS.findall(PAGE)
    assert [int(number) for number, _ in rows] == list(range(1, 77))
    known = names_in_the_tree()
    missing = [(number, name) for number, shown in rows for name in re.findall(r"`([^`]+)`", shown) if name not in known]
    assert not missing, missing
    assert [number for number, shown in rows if "`" not in shown and shown != "none"] == []


def test_the_page_of_rest_has_each_route_and_no_other():
    without_names = lambda path: re.sub(r"\{\w+\}", "{}", path)
    table = re.findall(r'Route\{"(\w+)", "([^"]+)"', (ROOT / "src/rest/routes.cc").read_text())
    routes = {(method, without_names(path)) for method, path in table}
    told = set()
    for line in (ROOT / "docs/rest.md").read_text().splitlines():
        if line.startswith("| `"):
            told |= {(method, without_names(path)) for method, path in re.findall(r"`(GET|POST|DELETE) ([^`?\s]+)", line.split(" | ")[0])}
    assert routes and routes == {(method, path) for method, path in told if not path.startswith("/")}
