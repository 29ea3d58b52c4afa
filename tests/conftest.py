"""Makes tests/support importable and holds the servers that scenario tests share."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from support.clickhouse_server import clickhouse as clickhouse_server  # noqa: E402
from support.kafka_server import KafkaServer  # noqa: E402
from support.postgres_server import PostgresServer, postgres  # noqa: E402
from support.process import end_all_of, owned_by, stop_everything  # noqa: E402
from support.world import World  # noqa: E402


def pytest_collection_modifyitems(config, items):
    """Tests marked `full` run only when asked for."""
    if os.environ.get("PEERD_TEST_FULL") != "1":
        skipped = [item for item in items if item.get_closest_marker("full")]
        if skipped:
            config.hook.pytest_deselected(items=skipped)
            items[:] = [item for item in items if not item.get_closest_marker("full")]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """What a test starts ends with it."""
    with owned_by(item):
        yield
    end_all_of(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef):
    """What a fixture of several tests starts ends with the fixture."""
    if fixturedef.scope == "function":
        yield
        return
    fixturedef.addfinalizer(lambda: end_all_of(fixturedef))  # First in, and so after the fixture's own.
    with owned_by(fixturedef):
        yield


def pytest_sessionfinish(session, exitstatus):
    stop_everything()


@pytest.fixture(scope="session")
def source():
    """The source that tests share. A test that stops it, or needs other settings, makes its own."""
    return PostgresServer("source", settings={"fsync": "off"})


@pytest.fixture(scope="session")
def target():
    return postgres("target", settings={"fsync": "off"})


@pytest.fixture(scope="session")
def clickhouse():
    return clickhouse_server()


@pytest.fixture(scope="session")
def kafka():
    return KafkaServer()


@pytest.fixture
def new_world(source, request):
    """Makes a world of the shared servers, or of the caller's own: new_world(kind, source=…, target=…, settings=…)."""
    made = []

    def make(kind, source=source, target=None, **more):
        target = target or request.getfixturevalue("target" if kind == "postgres" else kind)
        made.append(World(source, target, kind, **more))
        return made[-1]

    yield make
    failed = getattr(request.node, "call_failed", False)
    for world in made:
        if failed and world.peerd.child:
            print(f"--- the last of peerd's log ({world.mirror_name})\n{world.peerd.log_text()[-4000:]}")
        world.close()


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.call_failed = outcome.get_result().failed


@pytest.fixture(params=["postgres", "clickhouse"])
def world(request, new_world):
    """A world for each kind of target."""
    return new_world(request.param)
