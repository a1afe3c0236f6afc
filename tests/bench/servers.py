"""The servers that are compared, each as lean as its own settings allow: no access log, no debug log, no TLS."""

import base64
import json
import os
import urllib.parse
from pathlib import Path

import install
from component import Component, ComponentOnce
from install import output
from process import BenchError
from server import Server, ask, told_port

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


class Wharfinger(Server):
    """This repository's registry, with its defaults."""

    name = "wharfinger"

    def install(self):
        given = os.environ.get("WHARFINGER_BIN")
        if not given:
            install.cargo(self.repository, "-p", "wharfinger")
        self.program = Path(given).resolve() if given else self.target / "release" / "wharfinger"
        if not os.access(self.program, os.X_OK):
            raise BenchError(f"{self.program} is not a program: set WHARFINGER_BIN to one, or unset it")

    def version(self):
        commit = output(["git", "-C", str(self.repository), "describe", "--always", "--dirty"])
        return f"{output([str(self.program), '--version'])}, commit {commit}"

    def command(self, folder, port):
        return [*self.serve(), "--data", str(folder / "data")]

    def serve(self):
        return [str(self.program), "serve", "--listen", "127.0.0.1:0"]

    def listening_port(self, process, port, log):
        return told_port(process, log, rb"listening on http://127\.0\.0\.1:(\d+)")


class DockerRegistry(Server):
    """The CNCF distribution registry as Debian packages it."""

    name = "docker-registry"

    def install(self):
        self.program = install.debian_package("docker-registry", "docker-registry")

    def version(self):
        return output([self.program, "--version"])

    def storage(self, folder):
        return {"filesystem": {"rootdirectory": str(folder / "data")}}

    def command(self, folder, port):
        settings = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {
                **self.storage(folder),
                "cache": {"blobdescriptor": "inmemory"},
                "delete": {"enabled": True},
            },
            "http": {"addr": f"127.0.0.1:{port}", "secret": "bench"},
        }
        # JSON is YAML.
        (folder / "config.yml").write_text(json.dumps(settings))
        return [self.program, "serve", str(folder / "config.yml")]


class ZuulRegistry(Server):
    """zuul-registry from PyPI; it demands a token for every request, pulls included."""

    name = "zuul-registry"
    release = "1.3.0"
    # Logs in to Swift's own accounts.
    beside = ("python-swiftclient==4.11.0",)

    def install(self):
        programs = install.python_package(self.name, self.release, "zuul-registry", self.target, self.beside)
        self.program = str(programs / "zuul-registry")
        self.python = str(programs / "python")

    def version(self):
        script = (
            "import platform; from importlib.metadata import version as v;"
            "print(f\"{v('zuul-registry')}, CherryPy {v('cherrypy')}, cheroot {v('cheroot')}, Python {platform.python_version()}\")"
        )
        return output([self.python, "-c", script])

    def storage(self, folder):
        return {"driver": "filesystem", "root": str(folder / "data")}

    def command(self, folder, port):
        settings = {
            "registry": {
                "address": "127.0.0.1",
                "port": port,
                "public-url": f"http://127.0.0.1:{port}",
                "secret": "bench",
                "users": [{"name": "bench", "pass": "bench", "access": "write"}],
                "storage": self.storage(folder),
            }
        }
        (folder / "registry.yaml").write_text(json.dumps(settings))
        return [self.program, "-c", str(folder / "registry.yaml"), "serve"]

    def token(self, address):
        scope = urllib.parse.quote("repository:bench/image:pull,push")
        basic = base64.b64encode(b"bench:bench").decode()
        status, body = ask(address, f"/auth/token?scope={scope}", {"Authorization": f"Basic {basic}"})
        if status != 200:
            raise BenchError(f"zuul-registry answered {status} to the request for a token: {body[:200]}")
        return json.loads(body)["token"]


class Nginx(Server):
    """The limit: files in and out, no digest, no fsync, no protocol."""

    name = "nginx"
    kind = "files"

    def install(self):
        self.program = install.debian_package("nginx", "nginx")
        if "http_dav_module" not in output([self.program, "-V"]):
            raise BenchError("this nginx has no dav module, which stores the pushes: install Debian's nginx package")

    def version(self):
        return output([self.program, "-v"]).removeprefix("nginx version: ")

    def command(self, folder, port):
        (folder / "nginx.conf").write_text(NGINX_CONF.format(folder=folder, port=port, manifest=MANIFEST_TYPE))
        return [self.program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


# `user` keeps the workers able to write where the bench itself may; without being root it is ignored.
NGINX_CONF = """
daemon off;
user root;
worker_processes auto;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    open_file_cache max=1000;
    client_max_body_size 0;
    client_body_buffer_size 256k;
    client_body_temp_path {folder}/data/client_body;
    proxy_temp_path {folder}/data/proxy;
    fastcgi_temp_path {folder}/data/fastcgi;
    uwsgi_temp_path {folder}/data/uwsgi;
    scgi_temp_path {folder}/data/scgi;
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/data;
        dav_methods PUT;
        create_full_put_path on;
        location / {{ }}
        location ~ /manifests/ {{ default_type {manifest}; }}
    }}
}}
"""


ALL = {server.name: server for server in (Wharfinger, DockerRegistry, ZuulRegistry, Nginx, Component, ComponentOnce)}
