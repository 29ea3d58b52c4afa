"""Many mirrors that do not exist, for the page alone: a server that passes the page's files on from a real peerd, and answers
the API itself, with events as fast as a test wants them."""
import json
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def mirror(number, turn=0):
    state = "FAILED" if number % 97 == 0 else "PAUSED" if number % 31 == 0 else "RUNNING"
    failed = state == "FAILED"
    return {"name": f"mirror_{number:04}", "source": f"shop_{number % 40}", "target": "warehouse", "state": state,
            "health": "stopped" if state != "RUNNING" else "retrying" if number % 53 == 0 else "ok",
            "step": "stopped" if failed else "streaming", "tables": 7, "chunks_done": 40, "chunks_total": 40, "rows_copied": 400_000,
            "rows_streamed": turn * 11 + number, "lag_bytes": turn % 7 * 1000, "lag_seconds": turn % 5 * 0.25,
            "wal_kept_bytes": 1_000_000 + turn * 100, "received_lsn": "0/16B3748", "applied_lsn": "0/16B3748", "confirmed_lsn": "0/16B3748",
            "last_error": "the table public.t was dropped" if failed else None, "last_error_hint": "DROP MIRROR it" if failed else None,
            "last_error_at": "2026-01-31T11:00:00Z" if failed else None, "next_retry_at": None, "created_at": "2026-01-30T11:00:00Z",
            "consistent": True}


class Crowd:
    """`mirrors` of them; `events` follow the first list, one each `pause` seconds, with a tenth of the mirrors changed."""

    def __init__(self, peerd, mirrors=1000, events=0, pause=0.03):
        self.page = f"http://127.0.0.1:{peerd.ports['http_port']}"
        self.mirrors, self.events, self.pause = mirrors, events, pause
        self.sent = 0
        crowd = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                crowd.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.ports = {"http_port": self.server.server_address[1]}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        path = request.path.split("?")[0]
        if not path.startswith("/api/"):
            return self.pass_on(request)
        if path.endswith("/events"):
            return self.stream(request)
        body = {"session": {"role": "admin", "login": "none", "version": "0.1.0"}, "history": {"mirrors": {}}, "peers": {"rows": []},
                "mirrors": {"rows": [mirror(number) for number in range(self.mirrors)]}}[path.split("/")[-1]]
        self.send(request, "application/json", json.dumps(body).encode())

    def pass_on(self, request):
        with urllib.request.urlopen(self.page + request.path) as answer:
            self.send(request, answer.headers["content-type"], answer.read(), answer.headers["content-security-policy"])

    @staticmethod
    def send(request, kind, body, policy=None):
        request.send_response(200)
        request.send_header("content-type", kind)
        request.send_header("content-length", str(len(body)))
        if policy:
            request.send_header("content-security-policy", policy)
        request.end_headers()
        request.wfile.write(body)

    def stream(self, request):
        request.send_response(200)
        request.send_header("content-type", "text/event-stream")
        request.end_headers()
        try:
            self.event(request, [mirror(number) for number in range(self.mirrors)])
            for turn in range(1, self.events + 1):
                time.sleep(self.pause)
                self.event(request, [mirror(number, turn) for number in range(turn % 10, self.mirrors, 10)])
                self.sent = turn
            while True:
                time.sleep(1)
                request.wfile.write(b": still here\n\n")
                request.wfile.flush()
        except OSError:
            pass  # The tab was closed.

    @staticmethod
    def event(request, mirrors):
        request.wfile.write(b"event: mirrors\ndata: " + json.dumps(mirrors).encode() + b"\n\n")
        request.wfile.flush()
