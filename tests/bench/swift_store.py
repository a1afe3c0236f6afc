"""The registries on one real Swift: the rig of tests/swift, a counter of requests before it, and what is done there."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections import namedtuple
from pathlib import Path

import rows
import uploads
from component import Component, ComponentOnce
from process import BenchError, peak_bytes
from servers import DockerRegistry, Wharfinger, ZuulRegistry

MIB = 1 << 20
RIG_SECONDS_MAX = 3600
END_SECONDS_MAX = 30
DIRECT_SECONDS_MAX = 120
DIRECT_CONTAINER = "bench-direct"
CLOUD = "bench"
# What is not a registry at all: the same bytes straight to Swift and back.
DIRECT = "straight to Swift"

# Blobs of two sizes, manifests pushed, how long one manifest is read again and again, and the limit of one job.
Sizes = namedtuple("Sizes", "small_bytes large_bytes manifests seconds job_seconds_max")
FULL = Sizes(64 * MIB, 256 * MIB, 20, 2.0, 300)
QUICK = Sizes(2 * MIB, 8 * MIB, 4, 0.3, 60)


class Row(namedtuple("Row", "key title job count bytes_of seconds_of seed")):
    """One job: a push or pull of one blob, or some of manifests, of which the figures are per request."""

    def arguments(self, sizes):
        size = self.bytes_of(sizes)
        return ["--count", str(self.count(sizes)), "--bytes", str(size), "--seed", str(self.seed)]


def blob_rows(name, size, seed):
    one, once = (lambda sizes: 1), (lambda sizes: 0.0)
    return (
        Row(f"push-{name}", f"push of the {name} blob", "push-chunked", one, size, once, seed),
        Row(f"pull-{name}", f"pull of the {name} blob", "pull", one, size, once, seed),
    )


ROWS = (
    *blob_rows("small", lambda sizes: sizes.small_bytes, 11),
    *blob_rows("large", lambda sizes: sizes.large_bytes, 12),
    Row("put-manifest", "PUT manifest with 2 layers", "push-manifest", lambda s: s.manifests, lambda s: 1, lambda s: 0.0, 13),
    Row("get-manifest", "GET manifest by tag", "get-manifest", lambda s: 1, lambda s: 1, lambda s: s.seconds, 5),
)


class OnSwift:
    """A server that stores in a container of its own; `auth_url` is set before each start."""

    auth_url = None
    account = None
    starts = 0

    def begin(self, auth_url, account):
        self.auth_url, self.account = auth_url, account
        self.starts += 1

    @property
    def container(self):
        return f"{self.name}-{os.getpid()}-{self.starts}"

    def write_clouds(self, folder):
        """Both that read clouds.yaml look for it where they work."""
        user, key = self.account
        cloud = {"auth_type": "v1password", "auth": {"auth_url": self.auth_url, "username": user, "password": key}}
        (folder / "clouds.yaml").write_text(json.dumps({"clouds": {CLOUD: cloud}}))

    def swift(self):
        return {"driver": "swift", "cloud": CLOUD, "container": self.container}


class WharfingerOnSwift(OnSwift, Wharfinger):
    def command(self, folder, port):
        self.write_clouds(folder)
        settings = {"registry": {"secret": "the-secret-of-the-bench", "storage": self.swift()}}
        (folder / "config.yaml").write_text(json.dumps(settings))
        return [*self.serve(), "--config", str(folder / "config.yaml")]


class DockerRegistryOnSwift(OnSwift, DockerRegistry):
    def storage(self, folder):
        user, key = self.account
        swift = {"username": user, "password": key, "authurl": self.auth_url, "container": self.container}
        # The others carry every byte themselves, so this one shall not send its clients to Swift.
        return {"swift": swift, "redirect": {"disable": True}}


class ZuulRegistryOnSwift(OnSwift, ZuulRegistry):
    def storage(self, folder):
        self.write_clouds(folder)
        return self.swift()


class ComponentOnSwift(OnSwift, Component):
    def storage(self, folder):
        user, key = self.account
        variables = {
            "WHARFINGER_STORAGE_DRIVER": "swift",
            "WHARFINGER_STORAGE_CONTAINER": self.container,
            "OS_AUTH_TYPE": "v1password",
            "OS_AUTH_URL": self.auth_url,
            "OS_USERNAME": user,
            "OS_PASSWORD": key,
        }
        return [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]


class ComponentOnceOnSwift(ComponentOnSwift, ComponentOnce):
    pass


REGISTRIES = (WharfingerOnSwift, DockerRegistryOnSwift, ZuulRegistryOnSwift, ComponentOnSwift, ComponentOnceOnSwift)
ALL = {server.name: server for server in REGISTRIES}


def measure(chosen, rounds, sizes, held, load, counter_program, parent, begun):
    """All rows of all servers: timed straight on Swift once a round, and once more with the requests counted."""
    measurements, memory, running_uploads = [], [], []
    with rig(chosen[0].repository) as facts:
        account = (facts["user"], facts["key"])
        for number in range(1, rounds + 1):
            measurements += [{"round": number, **one} for one in direct(facts, sizes)]
            for server in chosen:
                begun(f"round {number} on Swift: {server.name}")
                with started(server, facts["proxy"], account, parent) as running:
                    measurements += [{"round": number, **one} for one in all_rows(server, running, sizes, load)]
                    memory.append({"round": number, "server": server.name, "peak_bytes": peak_bytes(running.pid)})
        for server in chosen:
            if server.name in uploads.NAMES:
                begun(f"running uploads on Swift: {server.name}")
                with started(server, facts["proxy"], account, parent) as running:
                    running_uploads.append({"server": server.name, **uploads.measure(running, held)})
        for server in chosen:
            begun(f"counting on Swift: {server.name}")
            with Counter(counter_program, facts["proxy"]) as counter:
                with started(server, counter.address, account, parent) as running:
                    counted = all_rows(server, running, sizes._replace(seconds=0.0), load, counter)
            measurements += [{"round": 0, **one} for one in counted]
    return {
        "sizes": sizes._asdict(),
        "rounds": rounds,
        "measurements": measurements,
        "memory": memory,
        "uploads": running_uploads,
    }


@contextlib.contextmanager
def started(server, address, account, parent):
    server.begin(f"http://{address}/auth/v1.0", account)
    with tempfile.TemporaryDirectory(prefix=f"{server.name}-", dir=parent) as folder:
        with server.started(Path(folder)) as running:
            yield running


def all_rows(server, running, sizes, load, counter=None):
    limits = rows.FULL._replace(seconds=0.0, job_seconds_max=sizes.job_seconds_max)
    rows.prepare(running, load, limits)
    measured = []
    for row in filter(lambda row: server.measures(row.job), ROWS):
        limits = limits._replace(seconds=row.seconds_of(sizes))
        one = rows.run_job(row.job, row.arguments(sizes), running, load, limits, counter)
        measured.append({"server": server.name, "row": row.key, **one})
    return measured


def direct(facts, sizes):
    """A bare PUT and a bare GET of the same sizes, without a registry: what Swift itself takes."""
    url, fields = log_in(facts)
    connection = http.client.HTTPConnection(url.netloc, timeout=DIRECT_SECONDS_MAX)
    with contextlib.closing(connection):
        require(exchange(connection, "PUT", f"{url.path}/{DIRECT_CONTAINER}", fields), 201, 202)
        for name, size in (("small", sizes.small_bytes), ("large", sizes.large_bytes)):
            content, target = os.urandom(size), f"{url.path}/{DIRECT_CONTAINER}/{name}"
            begun = time.monotonic()
            require(exchange(connection, "PUT", target, fields, content), 201)
            pushed = time.monotonic()
            require(exchange(connection, "GET", target, fields), 200)
            for row, seconds in ((f"push-{name}", pushed - begun), (f"pull-{name}", time.monotonic() - pushed)):
                yield {"server": DIRECT, "row": row, "wall_seconds": seconds, "operations": 1}


def log_in(facts):
    connection = http.client.HTTPConnection(facts["proxy"], timeout=DIRECT_SECONDS_MAX)
    with contextlib.closing(connection):
        connection.request("GET", "/auth/v1.0", headers={"X-Auth-User": facts["user"], "X-Auth-Key": facts["key"]})
        answer = connection.getresponse()
        require(answer, 200)
        return urllib.parse.urlsplit(answer.headers["X-Storage-Url"]), {"X-Auth-Token": answer.headers["X-Auth-Token"]}


def exchange(connection, method, target, fields, body=None):
    """One request; the answer has been read to its end, and forgotten."""
    connection.request(method, target, body=body, headers=fields)
    answer = connection.getresponse()
    while answer.read(MIB):
        pass
    return answer


def require(answer, *statuses):
    if answer.status not in statuses:
        raise BenchError(f"Swift answers {answer.status} {answer.reason}")


@contextlib.contextmanager
def rig(repository):
    """A Swift of one replica; what the rig tells of it."""
    command = [str(repository / "tests" / "swift" / "rig"), "run", f"--life={RIG_SECONDS_MAX}"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
    try:
        facts = json.loads(process.stdout.readline() or '{"error": "it ended at once"}')
        if "error" in facts:
            raise BenchError(f"tests/swift/rig: {facts['error']}")
        yield facts
    finally:
        end(process)


class Counter:
    """A proxy before Swift that counts what passes."""

    def __init__(self, program, upstream):
        self.process = subprocess.Popen([str(program), upstream], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()

    def __enter__(self):
        if not self.address:
            raise BenchError("bench_count does not start")
        return self

    def __exit__(self, *_):
        end(self.process)

    def take(self):
        """Requests since the last time, by method."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline() or "{}")


def end(process):
    """Both end with their input."""
    process.stdin.close()
    try:
        process.wait(END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
