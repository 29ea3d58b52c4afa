"""Where the servers' binaries lie. tests/support/install.sh puts them there."""
import os

import pytest

DEBIAN_MAJOR = 15


def cache_dir():
    """The same rule as in install.sh: root's home is closed to the user postgres."""
    default = "/var/cache/peerd-tests" if os.geteuid() == 0 else os.path.expanduser("~/.cache/peerd-tests")
    return os.environ.get("PEERD_TEST_CACHE", default)


def missing(what):
    """A server that is not there: a failure in CI, else a test that did not run, and is counted so."""
    text = f"NOT RUN: {what} is missing; tests/run.sh installs it"
    if os.environ.get("CI") == "true":
        pytest.fail(text)
    pytest.skip(text)


def postgres_bin(major):
    path = (f"/usr/lib/postgresql/{major}/bin" if major == DEBIAN_MAJOR
            else f"{cache_dir()}/pg{major}/package/native/bin")
    if not os.path.exists(f"{path}/postgres"):
        missing(f"Postgres {major}")
    return path


def clickhouse():
    """The launcher and the library of the ClickHouse server."""
    launcher, library = f"{cache_dir()}/chserver", f"{cache_dir()}/chdb/package/libchdb.so"
    if not (os.path.exists(launcher) and os.path.exists(library)):
        missing("the ClickHouse server")
    return launcher, library


def has_kafka(folder="kafka"):
    return os.path.exists(f"{cache_dir()}/{folder}/jars.sha256")


def kafka(folder="kafka"):
    """The folder of the broker's jars. Where Maven could not have them, install.sh left the reason."""
    if not has_kafka(folder):
        reason = f"{cache_dir()}/{folder}.missing"
        why = ""
        if os.path.exists(reason):
            with open(reason) as file:
                why = f" ({' '.join(file.read().split())[-300:]})"
        missing(f"Apache Kafka of tests/support/{folder}{why}")
    return f"{cache_dir()}/{folder}"


def repository():
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def peerd_binary():
    path = os.environ.get("PEERD_BINARY", f"{repository()}/build/release/peerd")
    if not os.path.exists(path):
        missing(f"the peerd binary {path}")
    return path
