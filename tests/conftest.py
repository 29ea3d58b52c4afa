"""Makes tests/support importable and holds the servers that scenario tests share."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def pytest_collection_modifyitems(config, items):
    """Tests marked `full` run only when asked for."""
    if os.environ.get("PEERD_TEST_FULL") != "1":
        skipped = [item for item in items if item.get_closest_marker("full")]
        if skipped:
            config.hook.pytest_deselected(items=skipped)
            items[:] = [item for item in items if not item.get_closest_marker("full")]
