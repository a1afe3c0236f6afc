"""The servers of one Swift, in a folder of their own."""

import hashlib
import http.client
import os
import time
import urllib.parse

import configs
from install import HERE, RigError, call, program_path
from process import Process, answers_http, answers_memcached, request

PART_POWER = 4
RINGS_SECONDS_MAX = 60
DAEMON_SECONDS_MAX = 120


class Swift:
    """A Swift of one node or three; every node has an account, a container and an object server."""

    def __init__(self, options, folder, ports, programs, identity):
        self.folder = folder
        self.ports = ports
        self.programs = programs
        self.nodes = range(1, options.replicas + 1)
        self.check_disk()
        self.configure(options, identity)
        memcached = [program_path("memcached"), "-p", str(ports.memcached), "-l", "127.0.0.1", "-U", "0", "-m", "64"]
        if os.geteuid() == 0:
            memcached += ["-u", "root"]
        servers = [Process("memcached", memcached, self.log("memcached"), answers_memcached(ports.memcached))]
        for kind in configs.KINDS:
            servers += [self.server(f"{kind}{number}", ports.node(number, kind)) for number in self.nodes]
        servers.append(self.server("proxy", ports.proxy))
        self.servers = {server.name: server for server in servers}

    def log(self, name):
        """Path of the log of a server or daemon."""
        return self.folder / "log" / f"{name}.log"

    def check_disk(self):
        """Swift keeps what it knows of an object in attributes of its file."""
        probe = self.folder / "probe"
        probe.touch()
        try:
            os.setxattr(probe, "user.probe", b"x")
        except OSError as error:
            raise RigError(f"{self.folder}: no extended attributes ({error}); set CARGO_TARGET_DIR to another disk") from error
        probe.unlink()

    def configure(self, options, identity):
        """Writes all configuration files and the rings."""
        etc = self.folder / "etc"
        for name in ("etc", "log", "cache"):
            (self.folder / name).mkdir()
        (etc / "swift.conf").write_text(configs.swift(options))
        (etc / "proxy.conf").write_text(configs.proxy(options, self.folder, self.ports, identity))
        (etc / "object-expirer.conf").write_text(configs.expirer(self.folder, self.ports.memcached))
        for number in self.nodes:
            devices = self.folder / f"node{number}"
            (devices / configs.DEVICE).mkdir(parents=True)
            for kind in configs.KINDS:
                text = configs.storage(kind, self.folder, devices, self.ports.node(number, kind))
                (etc / f"{kind}{number}.conf").write_text(text)
        rings = [f"{kind}=" + ",".join(str(self.ports.node(n, kind)) for n in self.nodes) for kind in configs.KINDS]
        command = [str(self.programs / "python"), str(HERE / "make_rings.py"), str(etc), str(PART_POWER), configs.DEVICE]
        call([*command, *rings], seconds_max=RINGS_SECONDS_MAX)

    def server(self, name, port):
        """A server whose configuration has its name."""
        program = f"swift-{name.rstrip('123')}-server"
        return Process(name, self.command(program, name), self.log(name), answers_http(port, "/healthcheck"))

    def command(self, program, config, *arguments):
        etc = self.folder / "etc"
        shim = [str(self.programs / "python"), str(HERE / "daemon.py"), str(etc), program]
        return [*shim, str(etc / f"{config}.conf"), *arguments]

    def once(self, daemon):
        """Runs one pass of a daemon, such as object-updater1, container-updater2, object-replicator3 or object-expirer."""
        program = daemon.rstrip("123")
        number = daemon.removeprefix(program)
        config = program if program == "object-expirer" else program.split("-")[0] + number
        if not (self.folder / "etc" / f"{config}.conf").exists() or not (self.programs / f"swift-{program}").exists():
            raise RigError(f"no daemon {daemon}: say, for example, object-updater1 or object-expirer")
        with open(self.log(daemon), "ab") as log:
            command = self.command(f"swift-{program}", config, "once")
            advice = f"; its log is {self.log(daemon)}"
            call(command, advice, DAEMON_SECONDS_MAX, stdout=log, stderr=log)

    def replicas(self, path):
        """What each object server says to HEAD of the object /ACCOUNT/CONTAINER/OBJECT; 0 of one that does not answer."""
        return [self.ask_object_server(number, "HEAD", path, {}) for number in self.nodes]

    def tombstone(self, path, seconds):
        """Deletes an object on all object servers as of `seconds` ahead, as a proxy whose clock is wrong would."""
        stamp = {"X-Timestamp": f"{time.time() + float(seconds):.5f}"}
        return [self.ask_object_server(number, "DELETE", path, stamp) for number in self.nodes]

    def ask_object_server(self, number, method, path, fields):
        path = "/" + path.lstrip("/")
        name = (configs.HASH_PREFIX + path + configs.HASH_SUFFIX).encode()
        part = int.from_bytes(hashlib.md5(name, usedforsecurity=False).digest()[:4], "big") >> (32 - PART_POWER)
        target = f"/{configs.DEVICE}/{part}{urllib.parse.quote(path)}"
        fields = {"X-Backend-Storage-Policy-Index": "0", **fields}
        try:
            return request(self.ports.node(number, "object"), method, target, fields)[0]
        except (OSError, http.client.HTTPException):
            return 0
