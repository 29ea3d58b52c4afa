"""A TCP proxy in front of a server, for what networks and poolers do to connections."""
import contextlib
import socket
import struct
import threading

REPLICATION = b"replication\0"


class Proxy:
    """Forwards to 127.0.0.1:`port`. silent(): bytes are taken in and forwarded no more, connections stay open and new ones are
    accepted: nobody is told. `refuses_replication`: as a pooler, it answers a replication connection with an error."""

    def __init__(self, port, refuses_replication=None):
        self.target, self.refusal = port, refuses_replication
        self.forwarding = threading.Event()
        self.forwarding.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def silent(self):
        self.forwarding.clear()

    def forward(self):
        self.forwarding.set()

    def close(self):
        self.forward()
        for each in [self.listener, *self.sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        self.sockets.append(client)
        first = b""
        with contextlib.suppress(OSError):
            while self.refusal is not None:
                first = client.recv(65536)
                if struct.unpack("!I", first[4:8])[0] != 80877103:
                    break
                client.sendall(b"N")  # no TLS here
            if self.refusal is not None and REPLICATION in first:
                client.sendall(error_response(*self.refusal))
                client.close()
                return
            self.forwarding.wait()
            server = socket.create_connection(("127.0.0.1", self.target))
            self.sockets.append(server)
            server.sendall(first)
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.forwarding.wait()
                self._look_at(data)
                sink.sendall(data)
        with contextlib.suppress(OSError):  # Also when it was reset: a process that is killed ends its server's sessions.
            sink.shutdown(socket.SHUT_WR)

    def _look_at(self, data):
        """For who holds some of it back."""


class Gate(Proxy):
    """In front of a source: lets so many chunks of a copy through, and those that other workers have begun by then. The next ones
    wait, with no lock held, until more are let through. What a test does meanwhile it does in mid copy, however fast that is, and
    however slow the test."""

    def __init__(self, port, chunks):
        self.left, self.changed = chunks, threading.Condition()
        super().__init__(port)

    def let(self, chunks):
        """So many from now on."""
        with self.changed:
            self.left = chunks
            self.changed.notify_all()

    def open(self):
        self.let(float("inf"))

    def close(self):
        self.open()
        super().close()

    def _look_at(self, data):
        with self.changed:
            if b"peerd chunk" in data:
                self.left -= 1
            elif b"IN ACCESS SHARE MODE" in data:  # With which a chunk begins.
                self.changed.wait_for(lambda: self.left > 0)


def error_response(sqlstate, message):
    """Postgres's ErrorResponse."""
    fields = b"".join(code + text.encode() + b"\0" for code, text in ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", sqlstate), (b"M", message))) + b"\0"
    return b"E" + struct.pack("!I", len(fields) + 4) + fields
