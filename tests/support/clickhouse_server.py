"""A throwaway ClickHouse server over HTTP, and a client for it."""
import base64
import json
import os
import urllib.error
import urllib.parse
import urllib.request

from support import packages
from support.process import Child, free_port, temp_dir, wait_for

USERS = """<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users>
    <default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
      <access_management>1</access_management></default>
    <mirror><password>secret</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></mirror>
  </users>
</clickhouse>
"""


class ClickHouseError(Exception):
    pass


class ClickHouseClient:
    """Statements over HTTP as the user `mirror`."""

    def __init__(self, host, port, user="mirror", password="secret"):
        self.host, self.port, self.user, self.password = host, port, user, password

    def open(self, statement, database="default", settings=None, timeout=120):
        """The answer's stream."""
        query = {"database": database, "wait_end_of_query": "0", **(settings or {})}
        request = urllib.request.Request(
            f"http://{self.host}:{self.port}/?{urllib.parse.urlencode(query)}", data=statement.encode(),
            headers={"Authorization": "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()})
        try:
            return urllib.request.urlopen(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            raise ClickHouseError(f"{error.code}: {error.read().decode('utf-8', 'replace')[:2000]}") from None

    def text(self, statement, database="default", **settings):
        return self.open(statement, database, settings).read().decode()

    def rows(self, statement, database="default", **settings):
        """Rows as dictionaries."""
        answer = self.text(f"{statement} FORMAT JSON", database, output_format_json_quote_64bit_integers=0, **settings)
        return json.loads(answer)["data"]

    def value(self, statement, database="default"):
        row = self.rows(statement, database)[0]
        return next(iter(row.values()))


class ClickHouseServer(ClickHouseClient):
    def __init__(self, name="target", data_parent=None, start=True):
        self.name = name
        self.launcher, self.library = packages.clickhouse()
        self.dir = data_parent or temp_dir(f"clickhouse-{name}")
        self.log, self.tcp_port = f"{self.dir}/log", free_port()
        super().__init__("127.0.0.1", free_port())
        with open(f"{self.dir}/users.xml", "w") as file:
            file.write(USERS)
        self.child = None
        if start:
            self.start()

    def start(self, timeout=60):
        if self.child and self.child.alive():
            return self
        ready = f"{self.dir}/ready.json"
        if os.path.exists(ready):
            os.remove(ready)
        self.child = Child([self.launcher, "--lib", self.library, "--path", f"{self.dir}/data", "--http-port", str(self.port),
                            "--tcp-port", str(self.tcp_port), "--users-xml", f"{self.dir}/users.xml", "--ready-file", ready,
                            "--log", f"{self.dir}/server.log"], self.log, cwd=self.dir)
        wait_for(f"ClickHouse {self.name} to answer", lambda: self.text("SELECT 1") == "1\n", timeout, 0.05,
                 broken=lambda: None if self.child.alive() else f"it ended: {open(self.log, errors='replace').read()[-2000:]}")
        return self

    def stop(self):
        return self.child.terminate()

    def kill9(self):
        self.child.kill9()

    def sigstop(self):
        self.child.sigstop()

    def sigcont(self):
        self.child.sigcont()

    def create_database(self, name):
        self.text(f"CREATE DATABASE `{name}` ENGINE = Atomic")
        return name


class ExternalClickHouse(ClickHouseClient):
    """A server that the environment names (PEERD_TEST_CLICKHOUSE=http://user:password@host:port)."""

    def __init__(self, name, address):
        url = urllib.parse.urlsplit(address)
        super().__init__(url.hostname, url.port or 8123, url.username or "default", url.password or "")
        self.name, self.child = name, None

    def create_database(self, name):
        self.text(f"CREATE DATABASE `{name}`")
        return name


def clickhouse(name="target"):
    """The server of the environment where one is named, else a throwaway one."""
    address = os.environ.get("PEERD_TEST_CLICKHOUSE")
    return ExternalClickHouse(name, address) if address else ClickHouseServer(name)
