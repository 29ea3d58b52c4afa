"""Those whom alerts go to: an HTTP(S) endpoint and an SMTP server on loopback that keep what they get."""
import base64
import email
import email.policy
import http.server
import json
import socketserver
import ssl
import threading


def _serve(server, certificate, wrapped):
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert, certificate.key)
        server.tls = context
        if wrapped:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class WebReceiver:
    """`got`: (path, headers, decoded body) of each request. `answers` are given one after the other, then `answer`."""

    def __init__(self, certificate=None, answer=(200, {"ok": True})):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status, told = outer.answers.pop(0) if outer.answers else outer.answer
                outer.got.append((self.path, dict(self.headers), body))
                text = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.got, self.answers, self.answer = [], [], answer
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        scheme = "http" if certificate is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}/hook"
        _serve(self._server, certificate, True)

    def bodies(self):
        return [json.loads(body) for _, _, body in self.got]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class MailReceiver:
    """As much of SMTP as a sender needs; STARTTLS where there is a certificate, or TLS from the beginning (`wrapped`).

    `got`: (from, [to], message, user, secure) of each message. `refused`: addresses that are unknown; `mute`: QUIT is not answered.
    """

    def __init__(self, certificate=None, password=None, wrapped=False, refused=(), mute=False):
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.secure, self.user, self.sender, self.to = wrapped, None, None, []
                self.say("220 sink ready")
                while line := self.rfile.readline().decode().strip():
                    if not self.obey(line):
                        return

            def say(self, line):
                self.wfile.write((line + "\r\n").encode())

            def obey(self, line):
                verb = line.split(":")[0].split()[0].upper()
                if verb == "EHLO":
                    offers = ["sink", *(["STARTTLS"] if certificate and not self.secure else []), *(["AUTH PLAIN"] if password else [])]
                    for offer in offers[:-1]:
                        self.say(f"250-{offer}")
                    self.say(f"250 {offers[-1]}")
                elif verb == "STARTTLS":
                    self.say("220 go on")
                    self.request = self.server.tls.wrap_socket(self.request, server_side=True)
                    self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
                    self.secure = True
                elif verb == "AUTH":
                    parts = line.split()
                    if len(parts) < 3:
                        self.say("334 ")
                        parts.append(self.rfile.readline().decode().strip())
                    _, user, given = base64.b64decode(parts[2]).decode().split("\0")
                    self.user = user
                    self.say("235 welcome" if given == password else "535 no")
                elif verb == "MAIL":
                    self.sender = line.partition("<")[2].partition(">")[0]
                    self.say("250 yes")
                elif verb == "RCPT":
                    address = line.partition("<")[2].partition(">")[0]
                    if address in refused:
                        self.say("550 nobody of that name")
                    else:
                        self.to.append(address)
                        self.say("250 yes")
                elif verb == "DATA":
                    self.say("354 go on")
                    text = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        text += part
                    outer.got.append((self.sender, self.to, email.message_from_bytes(text, policy=email.policy.default), self.user, self.secure))
                    self.say("250 taken")
                elif verb == "QUIT" and mute:
                    self.rfile.read()  # Until the sender hangs up.
                    return False
                else:
                    self.say("221 bye" if verb == "QUIT" else "502 what")
                    return verb != "QUIT"
                return True

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, allow_reuse_address = True, True

        self.got = []
        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        _serve(self._server, certificate, wrapped)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
