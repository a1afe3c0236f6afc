"""Starting a server on loopback, waiting until it answers, and stopping it by its process id."""

import contextlib
import http.client
import re
import socket
import subprocess
import time
from collections import namedtuple

from process import BenchError

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 15
ANSWER_SECONDS_MAX = 5
ASK_AGAIN_SECONDS = 0.02
ATTEMPTS = 3
LOG_END_BYTES = 2000

# kind: "registry", or "files" for a server that stores what is PUT and knows nothing of the protocol
Running = namedtuple("Running", "pid address kind token")


class Server:
    """One of those compared. A subclass says how to install, configure and start it."""

    name = None
    kind = "registry"

    def __init__(self, repository, target):
        self.repository = repository
        self.target = target

    def install(self):
        """Finds, installs or builds the program."""
        raise NotImplementedError

    def version(self):
        """What exactly is measured."""
        raise NotImplementedError

    def command(self, folder, port):
        """Writes the configuration into the folder; returns the command that serves folder/data on 127.0.0.1:port."""
        raise NotImplementedError

    def listening_port(self, process, port, log):
        """The port that it listens on, for a server that chooses it itself."""
        return port

    def environment(self):
        """The variables it gets, if not those of the bench."""
        return None

    def measures(self, job):
        """Whether a job of the load generator says anything about it."""
        return True

    def token(self, address):
        """What to send as a Bearer token, if anything."""
        return None

    @contextlib.contextmanager
    def started(self, folder):
        """A running server that answers; it is stopped at the end, whatever happens."""
        (folder / "data").mkdir()
        log = folder / "log"
        for _ in range(ATTEMPTS):
            with self.attempt(folder, log) as running:
                if running:
                    try:
                        yield running
                    except BenchError as error:
                        raise BenchError(f"{self.name}: {error}\n{end_of(log)}") from error
                    return
        raise BenchError(f"{self.name} does not start\n{end_of(log)}")

    @contextlib.contextmanager
    def attempt(self, folder, log):
        """One try, for another process may take the free port first; None if it ended early."""
        asked_port = free_port()
        command = self.command(folder, asked_port)
        environment = self.environment()
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, env=environment)
        try:
            port = self.listening_port(process, asked_port, log)
            address = f"127.0.0.1:{port}"
            answering = port and answers(process, address)
            yield Running(process.pid, address, self.kind, self.token(address)) if answering else None
        finally:
            stop(process)


def told_port(process, log, pattern):
    """The port in the line that a server starts with; None if it ends without one, or time runs out."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        told = re.search(pattern, log.read_bytes())
        if told:
            return int(told[1])
        time.sleep(ASK_AGAIN_SECONDS)
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(process, address):
    """Asks until there is an answer of any kind; False if the process ends or time runs out."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            ask(address, "/v2/")
            return True
        except (OSError, http.client.HTTPException):
            time.sleep(ASK_AGAIN_SECONDS)
    return False


def ask(address, target, headers=None):
    """One GET; returns status and body."""
    connection = http.client.HTTPConnection(address, timeout=ANSWER_SECONDS_MAX)
    try:
        connection.request("GET", target, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def stop(process):
    """Asks the process to end, and ends it if it does not."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def end_of(log):
    return "the end of its log:\n" + log.read_bytes()[-LOG_END_BYTES:].decode("utf-8", "replace")
