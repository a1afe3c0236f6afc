"""One server process: it ends with this one at the latest, however this one ends."""

import contextlib
import ctypes
import http.client
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from install import RigError
from ports import LOOPBACK

PR_SET_PDEATHSIG = 1
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 10
SIGNAL_SECONDS_MAX = 10
STEP_SECONDS = 0.02
LOG_BYTES_SHOWN = 3000
LIBC = ctypes.CDLL(None, use_errno=True)


class Process:
    """A server by name. `ask` tells whether it serves; it raises OSError as long as it does not."""

    def __init__(self, name, command, log, ask):
        self.name = name
        self.command = command
        self.log = Path(log)
        self.ask = ask
        self.child = None

    def start(self):
        """Starts it, unless it runs."""
        if self.child and self.child.poll() is None:
            return
        parent = os.getpid()
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                preexec_fn=lambda: die_with(parent),
            )

    def wait(self):
        """Waits until it serves."""
        end = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                return self.ask()
            except (OSError, http.client.HTTPException) as error:
                if self.child is None or self.child.poll() is not None or time.monotonic() > end:
                    raise RigError(f"{self.name} does not serve ({error}); its log ends with:\n{self.tail()}") from error
            time.sleep(STEP_SECONDS)

    def stop(self):
        """Asks it to end; kills it when it takes too long."""
        if self.child:
            self.signal(signal.SIGTERM)
            # A paused process takes a signal only when it goes on.
            self.signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(STOP_SECONDS_MAX)
        self.kill()

    def kill(self):
        """Kills it as a crash would."""
        if self.child:
            self.signal(signal.SIGKILL)
            self.child.wait()
        self.child = None

    def pause(self):
        """Stops it in its tracks: it keeps its connections and answers nothing."""
        self.running().signal(signal.SIGSTOP)
        end = time.monotonic() + SIGNAL_SECONDS_MAX
        while Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            if time.monotonic() > end:
                raise RigError(f"{self.name} does not pause")
            time.sleep(STEP_SECONDS)

    def resume(self):
        """Lets it go on."""
        self.running().signal(signal.SIGCONT)

    def running(self):
        """Itself, if it runs."""
        if self.child is None or self.child.poll() is not None:
            raise RigError(f"{self.name} does not run: start it first")
        return self

    def signal(self, number):
        """Sends a signal to it and whatever it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, number)

    def tail(self):
        """The end of its log."""
        if not self.log.exists():
            return "(no log)"
        return self.log.read_bytes()[-LOG_BYTES_SHOWN:].decode("utf-8", "replace")


def die_with(parent):
    """Has the system kill this process when its parent is gone."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def answers_http(port, path):
    """A question for Process: GET of a path answers with a status below 400."""

    def ask():
        status = request(port, "GET", path)[0]
        if status >= 400:
            raise OSError(f"GET {path}: {status}")

    return ask


def answers_memcached(port):
    """A question for Process: memcached tells its version."""

    def ask():
        with socket.create_connection((LOOPBACK, port), timeout=5) as connection:
            connection.sendall(b"version\r\n")
            if not connection.recv(100).startswith(b"VERSION"):
                raise OSError("no version")

    return ask


def request(port, method, path, fields=None, body=None, seconds_max=30):
    """One HTTP request to a loopback port; returns status, fields and body."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=seconds_max)
    try:
        connection.request(method, path, body=body, headers=fields or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()
