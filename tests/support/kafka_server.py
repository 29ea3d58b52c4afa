"""A throwaway Apache Kafka cluster (KRaft, each node broker and controller): one node, or three for failures.

SCRAM: a librdkafka before 2.6.1 (Debian 12 has 2.0.2) sends its nonce twice, which Kafka 4 refuses as invalid credentials
(librdkafka#4895), though Java's client logs in. So SCRAM is tested with Kafka 3.9, of the folder "kafka39".

Every node listens in plain text for the cluster and the tests themselves; `sasl` and `tls` add listeners that a client
must log in to, with certificates that are made here.
"""
import contextlib
import os
import subprocess
import tempfile
import uuid

from support import packages
from support.process import Child, free_port, temp_dir, wait_for

# A small, quick broker: one partition each for what it keeps itself, nothing waits for members that may still come.
SETTINGS = {
    "group.initial.rebalance.delay.ms": 0, "offsets.topic.num.partitions": 1, "transaction.state.log.num.partitions": 3,
    "num.partitions": 3, "auto.create.topics.enable": "false", "transaction.max.timeout.ms": 900_000,
    "log.segment.bytes": 256 << 20, "num.network.threads": 2, "num.io.threads": 4, "background.threads": 2,
    "log.cleaner.dedupe.buffer.size": 4 << 20, "group.coordinator.threads": 1, "share.coordinator.threads": 1,
    # A node that died is noticed, and may come again, within seconds.
    "broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500, "controlled.shutdown.enable": "false",
    "controller.quorum.election.timeout.ms": 500, "controller.quorum.fetch.timeout.ms": 1500,
    "replica.lag.time.max.ms": 3000, "unclean.leader.election.enable": "false",
}
PASSWORDS = {"peerd": "peerd-secret", "admin": "admin-secret"}
# One compiler tier makes a start quick; who measures takes QUICK_JVM away.
QUICK_JVM = ["-XX:TieredStopAtLevel=1"]


def _java(main_class, arguments, heap="256m", jvm=(), folder="kafka"):
    jars = packages.kafka(folder)
    configuration = f"{packages.repository()}/tests/support/kafka/log4j2.properties"
    return ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:-UsePerfData", *jvm, f"-Dlog4j2.configurationFile={configuration}", "-cp", f"{jars}/*", main_class,
            *map(str, arguments)]


def tool(main_class, *arguments, timeout=120, heap="256m", jvm=QUICK_JVM, folder="kafka"):
    """Runs one of Kafka's own programs. Returns what it printed."""
    done = subprocess.run(_java(main_class, arguments, heap, jvm, folder), capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise AssertionError(f"{main_class} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


@contextlib.contextmanager
def running_tool(main_class, *arguments, timeout=120, heap="256m", jvm=QUICK_JVM, folder="kafka"):
    """One of Kafka's own programs, running; what comes of it, called, awaits its end and returns the lines of bytes that it printed."""
    with tempfile.TemporaryFile(dir="/tmp") as output, tempfile.TemporaryFile(dir="/tmp") as errors:
        process = subprocess.Popen(_java(main_class, arguments, heap, jvm, folder), stdout=output, stderr=errors)

        def lines():
            if process.wait(timeout):
                errors.seek(0)
                raise AssertionError(f"{main_class} ended with {process.returncode}: {errors.read()[-2000:].decode('utf-8', 'replace')}")
            output.seek(0)
            return output

        try:
            yield lines
        finally:
            process.kill()
            process.wait()


class Certificates:
    """A certificate authority, a server's certificate for 127.0.0.1 and localhost, and a client's."""

    def __init__(self):
        self.dir = temp_dir("kafka-tls")
        self.authority = f"{self.dir}/authority.pem"
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=peerd tests",
                      "-keyout", f"{self.dir}/authority.key", "-out", self.authority)
        for name in ("server", "client"):
            self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{self.dir}/{name}.key",
                          "-out", f"{self.dir}/{name}.csr")
            with open(f"{self.dir}/extensions", "w") as file:
                file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
            self._openssl("x509", "-req", "-in", f"{self.dir}/{name}.csr", "-CA", self.authority, "-CAkey",
                          f"{self.dir}/authority.key", "-CAcreateserial", "-days", "30", "-extfile", f"{self.dir}/extensions",
                          "-out", f"{self.dir}/{name}.pem")
        with open(f"{self.dir}/keystore.pem", "w") as file:  # openssl's new keys are PKCS#8, as Kafka wants them
            file.write(self.text("server.key") + self.text("server.pem"))

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def text(self, name):
        with open(f"{self.dir}/{name}") as file:
            return file.read()


class KafkaNode:
    """One process of a cluster."""

    def __init__(self, cluster, number):
        self.cluster, self.number = cluster, number
        self.dir = temp_dir(f"kafka-{cluster.name}-{number}")
        self.log, self.config = f"{self.dir}/log", f"{self.dir}/server.properties"
        self.ports = {listener: free_port() for listener in ("CONTROLLER", "PLAINTEXT", *cluster.secured)}
        self.child, self._log_from = None, 0

    def configure(self):
        cluster, listeners = self.cluster, [name for name in self.ports if name != "CONTROLLER"]
        replicas = min(3, len(cluster.nodes))
        settings = {
            **SETTINGS, "process.roles": "broker,controller", "node.id": self.number,
            "controller.quorum.voters": ",".join(f"{node.number}@127.0.0.1:{node.ports['CONTROLLER']}" for node in cluster.nodes),
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in self.ports.items()),
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{self.ports[name]}" for name in listeners),
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT," + ",".join(f"{name}:{name}" for name in listeners),
            "controller.listener.names": "CONTROLLER", "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": f"{self.dir}/data", "default.replication.factor": replicas, "min.insync.replicas": max(1, replicas - 1),
            "offsets.topic.replication.factor": replicas, "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": max(1, replicas - 1), "share.coordinator.state.topic.replication.factor": replicas,
            **cluster.security(), **cluster.settings}
        with open(self.config, "w") as file:
            file.writelines(f"{key}={value}\n" for key, value in settings.items())

    def format(self):
        scram = [part for user, password in PASSWORDS.items() for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
                 for part in ("--add-scram", f"{mechanism}=[name={user},password={password}]")] if self.cluster.sasl else []
        tool("kafka.tools.StorageTool", "format", "-t", self.cluster.id, "-c", self.config, *scram, folder=self.cluster.folder)

    def start(self, wait=True):
        if not self.alive():
            self._log_from = os.path.getsize(self.log) if os.path.exists(self.log) else 0
            self.child = Child(_java("kafka.Kafka", [self.config], self.cluster.heap, self.cluster.jvm, self.cluster.folder), self.log, cwd=self.dir)
        if wait:
            self.cluster.wait_ready([self])
        return self

    def kill9(self):
        self.child.kill9()

    def stop(self):
        return self.child.terminate()

    def sigstop(self):
        self.child.sigstop()

    def sigcont(self):
        self.child.sigcont()

    def alive(self):
        return self.child is not None and self.child.alive()

    def log_text(self, since=0):
        with open(self.log, "rb") as file:
            file.seek(since)
            return file.read().decode("utf-8", "replace")

    def started(self):
        """What it says once it has caught up with the cluster and serves."""
        return "Kafka Server started" in self.log_text(self._log_from)

    def ended(self):
        return None if self.alive() else f"it ended: {self.log_text()[-2000:]}"


class KafkaServer:
    """A cluster; with one node it is that broker. `folder` names the version ("kafka", "kafka39"). `sasl` opens a listener
    for PLAIN and SCRAM, `tls` one with TLS, both together one with both. `authorize` lets users but `admin` do only what grant() allows them."""

    def __init__(self, name="target", nodes=1, settings=None, sasl=False, tls=False, authorize=False, client_auth="none",
                 heap="512m", jvm=QUICK_JVM, folder="kafka", start=True):
        self.name, self.settings, self.sasl, self.heap, self.jvm = name, settings or {}, sasl, heap, jvm
        self.authorize, self.client_auth, self.folder = authorize, client_auth, folder
        self.certificates = Certificates() if tls else None
        self.secured = [name for name, wanted in (("SASL_PLAINTEXT", sasl), ("SSL", tls), ("SASL_SSL", sasl and tls)) if wanted]
        self.id = uuid.uuid4().hex[:22]
        self.nodes, self._admin = [], None
        for number in range(1, nodes + 1):
            self.nodes.append(KafkaNode(self, number))
        for node in self.nodes:
            node.configure()
            node.format()
        if start:
            self.start()

    def security(self):
        settings = {}
        for listener in self.secured:
            prefix = f"listener.name.{listener.lower()}"
            if "SASL" in listener:
                users = " ".join(f'user_{user}="{password}"' for user, password in PASSWORDS.items())
                settings[f"{prefix}.sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
                settings[f"{prefix}.plain.sasl.jaas.config"] = f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
                for mechanism in ("scram-sha-256", "scram-sha-512"):
                    settings[f"{prefix}.{mechanism}.sasl.jaas.config"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            if "SSL" in listener:
                settings.update({f"{prefix}.ssl.keystore.type": "PEM", f"{prefix}.ssl.keystore.location": f"{self.certificates.dir}/keystore.pem",
                                 f"{prefix}.ssl.truststore.type": "PEM", f"{prefix}.ssl.truststore.location": self.certificates.authority,
                                 f"{prefix}.ssl.client.auth": self.client_auth})
        if self.authorize:
            settings.update({"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                             "super.users": "User:admin;User:ANONYMOUS"})
        return settings

    def servers(self, listener="PLAINTEXT", host="127.0.0.1"):
        return ",".join(f"{host}:{node.ports[listener]}" for node in self.nodes)

    def client(self, **more):
        """Options of a librdkafka client on the plain listener."""
        return {"bootstrap.servers": self.servers(), "log_level": 0, **more}

    def admin(self):
        """A client for administration; it lives as long as this does, for its answers come late."""
        from confluent_kafka.admin import AdminClient
        if self._admin is None:
            self._admin = AdminClient(self.client())
        return self._admin

    def start(self):
        for node in self.nodes:
            node.start(wait=False)
        self.wait_ready(self.nodes)
        return self

    def wait_ready(self, nodes, timeout=60):
        """Until these nodes say so themselves (the others know a dead node for a while yet) and the whole answers."""
        for node in nodes:
            wait_for(f"node {node.number} of Kafka {self.name} to be up", node.started, timeout, 0.05, broken=node.ended)
            wait_for(f"Kafka {self.name} to have node {node.number}", lambda: node.number in self.admin().list_topics(timeout=3).brokers,
                     timeout, 0.05, broken=node.ended)

    def kill9(self):
        for node in self.nodes:
            node.kill9()

    def stop(self):
        for node in self.nodes:
            node.stop()

    def sigstop(self):
        for node in self.nodes:
            node.sigstop()

    def sigcont(self):
        for node in self.nodes:
            node.sigcont()

    @property
    def child(self):
        return self.nodes[0].child

    # --- topics -----------------------------------------------------------------------------------------------------------

    def create_topic(self, name, partitions=3, **config):
        from confluent_kafka.admin import NewTopic
        topic = NewTopic(name, partitions, min(3, len(self.nodes)), config={key.replace("_", "."): str(value) for key, value in config.items()})
        self.admin().create_topics([topic])[name].result(30)

    def alter_topic(self, name, **config):
        from confluent_kafka.admin import ConfigResource
        wanted = ConfigResource(ConfigResource.Type.TOPIC, name, set_config={key.replace("_", "."): str(value) for key, value in config.items()})
        self.admin().alter_configs([wanted])[wanted].result(30)
        if "max_message_bytes" in config:  # Brokers learn of it late.
            limit = int(config["max_message_bytes"])
            wait_for(f"{name} to take {limit} bytes and no more", lambda: self.takes(name, limit - 1000) and not self.takes(name, limit + 1000))

    def takes(self, topic, size):
        """Whether a message of so many bytes is taken. It is sent in a transaction that is given up: nobody sees it."""
        from confluent_kafka import Producer
        told = []
        producer = Producer(self.client(**{"transactional.id": f"trial of {topic}", "message.max.bytes": 16 << 20}))
        producer.init_transactions(60)
        producer.begin_transaction()
        producer.produce(topic, b"x" * size, b"trial", 0, on_delivery=lambda error, _: told.append(error))
        producer.flush(60)
        producer.abort_transaction(60)
        return told[0] is None

    def delete_topics(self, names):
        for done in self.admin().delete_topics(list(names)).values():
            with contextlib.suppress(Exception):  # the world's last act: what is gone is gone
                done.result(30)

    def topics(self):
        return self.admin().list_topics(timeout=30).topics

    def grant(self, user, operation, kind, name, pattern="literal"):
        """An ACL: grant("peerd", "Write", "topic", "orders")."""
        tool("org.apache.kafka.tools.AclCommand",
             "--bootstrap-server", self.servers(), "--add", "--allow-principal", f"User:{user}", "--operation", operation,
             f"--{kind}", name, "--resource-pattern-type", pattern)
