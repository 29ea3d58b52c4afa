"""Child processes, ports, temporary directories and waiting, for tests, bench and fault runs.

Everything started here is stopped, and every directory made here removed, when its owner (a test, a fixture) ends, at the
latest when the interpreter does, also on Ctrl-C and SIGTERM. Only processes that were started here are ever signalled.
"""
import atexit
import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

_children = []
_directories = {}  # path -> owner
_owners = [None]   # the last one owns what is started now
_ports = {}        # port -> (its lock, owner)
_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


# Below the ports that the kernel gives to clients: while a server is down, none of them can come to have its port.
PORTS = range(12_000, 20_000)
PORT_LOCKS = f"/tmp/peerd-test-ports-{os.getuid()}"


def free_port():
    """A port on loopback that nobody listens on. No other program of the tests gets it until its owner ends."""
    os.makedirs(PORT_LOCKS, exist_ok=True)
    begin = os.getpid() * 97 + len(_ports)
    for number in range(len(PORTS)):
        port = PORTS[(begin + number) % len(PORTS)]
        if port not in _ports and (lock := _port_lock(port)) is not None:
            _ports[port] = (lock, _owners[-1])
            return port
    raise AssertionError(f"no port of {PORTS} is free")


def _port_lock(port):
    """An open file that is locked for as long as it is open, or None where somebody else has or uses the port."""
    with contextlib.ExitStack() as undo:
        try:
            lock = undo.enter_context(open(f"{PORT_LOCKS}/{port}", "a"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        undo.pop_all()
        return lock


def temp_dir(name, owner=None):
    """A new directory under /tmp, removed at exit unless PEERD_TEST_KEEP is set."""
    path = tempfile.mkdtemp(prefix=f"peerd-{name}-", dir="/tmp")
    os.chmod(path, 0o755)
    if owner is not None and os.geteuid() == 0:
        shutil.chown(path, owner, owner)
    _directories[path] = _owners[-1]
    return path


@contextlib.contextmanager
def owned_by(owner):
    """What is started meanwhile is its, until end_all_of(owner). Without an owner it lives as long as the program."""
    _owners.append(owner)
    try:
        yield
    finally:
        _owners.remove(owner)


def end_all_of(owner):
    """Ends what it started and still runs, and removes its directories: servers that idle on cost those that work."""
    for child in [child for child in _children if child.owner is owner]:
        child.kill9()
    _remove([path for path, one in _directories.items() if one is owner])
    for port in [port for port, (_, one) in _ports.items() if one is owner]:
        _ports.pop(port)[0].close()


def _remove(paths):
    for path in paths:
        del _directories[path]
        if not os.environ.get("PEERD_TEST_KEEP"):
            shutil.rmtree(path, ignore_errors=True)


def _owner_of(log):
    """A process that is started again, by whomever, is its first owner's: its log lies in that one's directory."""
    return next((owner for path, owner in _directories.items() if log.startswith(path + "/")), _owners[-1])


# Times to wait for are those of a machine that does nothing else; this many times as long is waited before a test fails.
PATIENCE = 4


def wait_for(what, predicate, timeout=30.0, every=0.05, broken=None):
    """The predicate's first truthy value. Fails with `what` and the last value or error after PATIENCE times `timeout` seconds.

    `broken` is asked each round: a text that it returns ends the wait at once (a state that cannot recover).
    """
    timeout *= PATIENCE
    end = time.monotonic() + timeout
    last = None
    while True:
        try:
            last = predicate()
            if last:
                return last
        except AssertionError:
            raise
        except Exception as error:  # the server may be down just now: that is what is waited for
            last = f"{type(error).__name__}: {error}"
        if broken is not None:
            reason = broken()
            if reason:
                raise AssertionError(f"{what}: {reason}")
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout:g} s: {what} (last: {last!r:.2000})")
        time.sleep(every)


def descendants(pid):
    """The process ids below `pid`, from /proc."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    parents.setdefault(int(stat.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
            except OSError:
                pass
    found, todo = [], [pid]
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += below
    return found


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Child:
    """One process that this program started, with its output in a file."""

    def __init__(self, arguments, log, user=None, env=None, cwd=None):
        self.log, self.owner = log, _owner_of(log)
        self._output = open(log, "ab")
        as_user = {"user": user, "group": user, "extra_groups": []} if user and os.geteuid() == 0 else {}
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT, env=env, cwd=cwd,
            start_new_session=True, preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL), **as_user)
        self.stopped = False
        _children.append(self)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def send(self, number, below=False):
        """Sends to the process, and to everything under it when `below`."""
        if self.alive():
            signal_all([self.pid] + (descendants(self.pid) if below else []), number)

    def kill9(self):
        """Ends the process and all below it at once, and waits until they are gone."""
        if self.alive():
            self._starts_no_more()
            pids = [self.pid] + descendants(self.pid)
            signal_all(pids, signal.SIGKILL)
            self.process.wait()
            wait_for("killed processes to be gone", lambda: not any(_running(pid) for pid in pids), 10, 0.005)
        self._forget()

    def _starts_no_more(self):
        """Stands still: a process that it starts after we looked for them would outlive it, and hold what the next one needs."""
        self.send(signal.SIGSTOP)
        end = time.monotonic() + 5
        while _state(self.pid) not in "TtZX" and time.monotonic() < end:
            time.sleep(0.0005)

    def terminate(self, number=signal.SIGTERM, timeout=60.0):
        """Asks it to end; kills it when it does not. Returns its exit code and the seconds that it took."""
        begin = time.monotonic()
        if self.stopped:
            self.send(signal.SIGCONT, below=True)
        self.send(number)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill9()
            code = None
        self._forget()
        return code, time.monotonic() - begin

    def sigstop(self):
        self.send(signal.SIGSTOP)  # the parent first, so that it starts no more
        self.send(signal.SIGSTOP, below=True)
        self.stopped = True

    def sigcont(self):
        self.send(signal.SIGCONT, below=True)
        self.stopped = False

    def _forget(self):
        self._output.close()
        if self in _children:
            _children.remove(self)


def _state(pid):
    """Its letter in /proc: R, S, D, T (stopped), Z; X where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def _running(pid):
    return _state(pid) not in "ZX"


def memory_kb(pid, field="VmHWM"):
    """A figure of /proc/PID/status in kB: VmHWM is the peak, VmRSS the present resident size."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    return 0


def cpu_seconds(pid):
    """User and system time that the process has used."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stop_everything():
    for child in list(_children):
        child.kill9()
    _remove(list(_directories))


def _terminated(number, frame):
    raise SystemExit(128 + number)


atexit.register(stop_everything)
signal.signal(signal.SIGTERM, _terminated)
