"""Starts a Postgres and a ClickHouse server and runs a command that is told about them.

`python3 -m support.serve [--kafka] COMMAND…`: PEERD_TEST_POSTGRES, PEERD_TEST_CLICKHOUSE and with --kafka
PEERD_TEST_KAFKA are addresses; they are left alone where the environment has them already. Exits as the command does.
"""
import os
import subprocess
import sys

from support import packages
from support.clickhouse_server import ClickHouseServer
from support.kafka_server import KafkaServer
from support.postgres_server import PostgresServer


def main(command):
    environment = dict(os.environ)
    with_kafka = command[:1] == ["--kafka"]
    if with_kafka:
        command = command[1:]
        if "PEERD_TEST_KAFKA" not in environment and packages.has_kafka():
            environment["PEERD_TEST_KAFKA"] = KafkaServer("units").servers()
    if "PEERD_TEST_POSTGRES" not in environment:
        port = PostgresServer("units", settings={"fsync": "off", "max_prepared_transactions": "10"}, auth="trust").port
        environment["PEERD_TEST_POSTGRES"] = f"postgres://postgres:postgres@127.0.0.1:{port}/postgres"
    if "PEERD_TEST_CLICKHOUSE" not in environment:
        server = ClickHouseServer("units")
        environment["PEERD_TEST_CLICKHOUSE"] = f"http://{server.user}:{server.password}@{server.host}:{server.port}/default"
    return subprocess.call(command, env=environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
