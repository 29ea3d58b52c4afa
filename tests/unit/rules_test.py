"""Every patch of tests/rules still applies: source that moves away from under one is noticed at once, not in the next full run."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATCHES = sorted((ROOT / "tests/rules").glob("*.patch"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_the_patch_that_takes_a_rule_out_still_applies(patch):
    done = subprocess.run(["git", "apply", "--check", str(patch)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"tests/rules/{patch.name} no longer applies: make it anew against the source as it is now\n{done.stderr}"


def test_there_are_patches():
    assert len(PATCHES) > 60
