"""A certificate of the tests' own, and a TLS server in front of one that has none."""
import contextlib
import os
import select
import shutil
import socket
import ssl
import subprocess
import threading

from support.process import temp_dir


class Certificate:
    """Self-signed, for localhost and 127.0.0.1, or other names. `owner`: the system user who must be able to read the key."""

    def __init__(self, owner=None, names="DNS:localhost,IP:127.0.0.1"):
        folder = temp_dir("tls", owner)
        first = names.split(",")[0].partition(":")[2]
        self.cert, self.key = f"{folder}/cert.pem", f"{folder}/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={first}",
                        "-addext", f"subjectAltName={names}", "-keyout", self.key, "-out", self.cert],
                       check=True, capture_output=True)
        os.chmod(self.key, 0o600)
        if owner is not None and os.geteuid() == 0:
            shutil.chown(self.key, owner, owner)

    def pem(self):
        with open(self.cert) as file:
            return file.read()


class TlsFront:
    """Listens with TLS and passes what comes to a server on loopback, until close(). `connections` counts handshakes."""

    def __init__(self, certificate, port):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.cert, certificate.key)
        self._behind = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        with contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as client, \
                socket.create_connection(("127.0.0.1", self._behind)) as server:
            self.connections += 1
            self._pump(client, server)

    @staticmethod
    def _pump(client, server):
        # One thread for both ways: an SSL object is not to be read and written by two.
        while True:
            ready = [client] if client.pending() else select.select([client, server], [], [])[0]
            for one, other in ((client, server), (server, client)):
                if one in ready:
                    data = one.recv(1 << 16)
                    if not data:
                        return
                    other.sendall(data)
