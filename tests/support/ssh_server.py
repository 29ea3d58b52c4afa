"""An SSH server on loopback that lets one user in and forwards connections, as a bastion does."""
import base64
import contextlib
import io
import select
import socket
import threading

import paramiko


class SshServer:
    """Lets "tunnel" in, by `password` or by its own `key`. `reached`: addresses that were asked for. silent(): it takes what comes,
    answers nothing any more, and connections stay open."""

    def __init__(self, password="door"):
        self.password, self.host_key, self.key = password, paramiko.ECDSAKey.generate(), paramiko.ECDSAKey.generate()
        self.reached, self.logins, self.forwards = [], [], True
        self.answering = threading.Event()
        self.answering.set()
        self._listener, self._open, self.port = None, [], 0
        self.start()

    # --- what a peer's options hold ------------------------------------------------------------------------------------------

    def private_key(self):
        text = io.StringIO()
        self.key.write_private_key(text)
        return text.getvalue()

    def private_key_base64(self):
        return base64.b64encode(self.private_key().encode()).decode()

    def host_key_line(self):
        """As ssh-keyscan prints it."""
        return f"[127.0.0.1]:{self.port} {self.host_key.get_name()} {self.host_key.get_base64()}"

    # --- its life ------------------------------------------------------------------------------------------------------------

    def start(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.answering.set()
        for each in self._open:
            each.close()
        self._open.clear()

    def silent(self):
        self.answering.clear()

    def connections(self):
        return sum(each.is_active() for each in self._open if isinstance(each, paramiko.Transport))

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            inner, outer = socket.socketpair()
            transport = paramiko.Transport(inner)
            transport.add_server_key(self.host_key)
            self._open += [client, outer, transport]
            threading.Thread(target=pump, args=(client, outer, self.answering), daemon=True).start()
            threading.Thread(target=self._serve, args=(transport,), daemon=True).start()

    def _serve(self, transport):
        session = Session(self)
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(threading.Event(), session)
            while transport.is_active():
                channel = transport.accept(1)
                if channel is not None:
                    threading.Thread(target=pump, args=(channel, session.behind.pop(channel.chanid)), daemon=True).start()


class Session(paramiko.ServerInterface):
    """One connection, as paramiko asks about it."""

    def __init__(self, server):
        self.server, self.behind = server, {}

    def get_allowed_auths(self, username):
        return "publickey,password"

    def check_auth_password(self, username, password):
        return self._judge("password", username == "tunnel" and password == self.server.password)

    def check_auth_publickey(self, username, key):
        return self._judge("key", username == "tunnel" and key == self.server.key)

    def _judge(self, way, good):
        self.server.logins.append((way, good))
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_channel_direct_tcpip_request(self, number, origin, destination):
        self.server.reached.append(destination)
        if not self.server.forwards:
            return paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        try:
            self.behind[number] = socket.create_connection(destination, 5)
        except OSError:
            return paramiko.OPEN_FAILED_CONNECT_FAILED
        return paramiko.OPEN_SUCCEEDED


def pump(one, other, answering=None):
    """Passes bytes on in both directions until one side ends; from `other` to `one` only while it may."""
    with contextlib.suppress(OSError, EOFError, ValueError):
        while True:
            for each in select.select([one, other], [], [])[0]:
                data = each.recv(65536)
                if not data:
                    raise EOFError
                if each is other and answering is not None:
                    answering.wait()
                (other if each is one else one).sendall(data)
    for each in (one, other):
        with contextlib.suppress(OSError, EOFError):
            each.close()
