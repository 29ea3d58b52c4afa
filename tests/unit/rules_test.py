"""Every patch of tests/rules still applies, and docs/rules.md names each with its test: source that moves away from under one is noticed at once."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATCHES = sorted((ROOT / "tests/rules").glob("*.patch"))
NOT_SHOWN = ROOT / "tests/rules/not-shown.txt"


def sections():
    """docs/rules.md by number of the rule."""
    text = (ROOT / "docs/rules.md").read_text()
    parts = re.split(r"^### (\d+)\. ", text, flags=re.M)
    return {int(number): body for number, body in zip(parts[1::2], parts[2::2])}


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_the_patch_that_takes_a_rule_out_still_applies(patch):
    done = subprocess.run(["git", "apply", "--check", str(patch)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"tests/rules/{patch.name} no longer applies: make it anew against the source as it is now\n{done.stderr}"


def test_there_are_patches():
    assert len(PATCHES) > 60


def test_the_page_of_rules_names_every_patch_and_its_test():
    rules = sections()
    for patch in PATCHES:
        test = re.search(r"^# test: (.*)$", patch.read_text(), re.M).group(1)
        wanted = f"`{patch.stem}`: `{test}`"
        assert wanted in rules[int(patch.name[:2])], f"docs/rules.md, rule {int(patch.name[:2])}, lacks {wanted}"


def test_the_page_of_rules_names_no_patch_that_is_not_there():
    named = re.findall(r"`(\d\d-[a-z0-9-]+)`", (ROOT / "docs/rules.md").read_text())
    assert sorted(named) == [patch.stem for patch in PATCHES]


def test_a_rule_without_a_patch_says_why():
    told = {int(line[:2]) for line in NOT_SHOWN.read_text().splitlines()}
    for number, body in sections().items():
        assert number in told or "*Kept by:*" in body, f"rule {number} has neither a patch nor a reason in not-shown.txt"
        assert (number in told) == ("*Not shown:*" in body), f"rule {number}: docs/rules.md and not-shown.txt differ"


def test_comments_cite_rules_that_are_there():
    rules = sections()
    for path in [*ROOT.glob("src/**/*.cc"), *ROOT.glob("src/**/*.h"), *ROOT.glob("include/**/*.h"), *ROOT.glob("tests/**/*.cc")]:
        for cited in re.findall(r"rules?(?:\.md)? (\d+(?:(?:, | and | to |-)\d+)*)", path.read_text()):
            for number in re.findall(r"\d+", cited):
                assert int(number) in rules, f"{path.relative_to(ROOT)} cites rule {number}"
