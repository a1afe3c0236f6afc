"""One Keystone, in a folder of its own: a copy of one that was initialised before."""

import contextlib
import getpass
import grp
import json
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import configs
import keystone_seed as seed
from install import HERE, RigError, call, fingerprint, locked, target
from process import Process, answers_http, request

MANAGE_SECONDS_MAX = 120
KEYS = ("fernet", "receipts", "credentials")
TOKEN_SECONDS = 3600


class Keystone:
    """A Keystone that knows the users of `keystone_seed`."""

    def __init__(self, options, folder, ports, programs):
        self.folder = folder / "keystone"
        shutil.copytree(initialised(ports, programs), self.folder)
        self.ports = ports
        configure(self.folder, options.token_life)
        self.replace_in_catalog(seed.IDENTITY_URL, f"http://127.0.0.1:{ports.keystone}")
        self.store_url = seed.STORE_URL
        self.name_store(f"http://127.0.0.1:{ports.proxy}")
        self.server = server(self.folder, ports, programs, folder / "log" / "keystone.log")

    def url(self):
        """Where it is."""
        return f"http://127.0.0.1:{self.ports.keystone}/v3"

    def facts(self):
        """What tests need to know."""
        return {"auth_url": self.url(), "admin_password": seed.ADMIN_PASSWORD, **json.loads((self.folder / "facts.json").read_text())}

    def name_store(self, url):
        """Has the catalogs of all tokens to come name `url` as the address of Swift."""
        self.replace_in_catalog(self.store_url, url)
        self.store_url = url

    def replace_in_catalog(self, old, new):
        with contextlib.closing(sqlite3.connect(self.folder / "keystone.db", timeout=30)) as database, database:
            database.execute("UPDATE endpoint SET url = replace(url, ?, ?)", (old, new))

    def is_accepted(self):
        """A question for Process: Swift accepts a token of this Keystone."""
        token = seed.Api(self.ports.keystone).login(seed.USER, seed.PASSWORD, seed.PROJECT)
        path = f"/v1/AUTH_{self.facts()['project_id']}"
        status = request(self.ports.proxy, "HEAD", path, {"X-Auth-Token": token})[0]
        if status >= 300:
            raise OSError(f"HEAD {path} with a token of Keystone: {status}")


def initialised(ports, programs):
    """The folder of an initialised Keystone, made if it is missing: that takes half a minute."""
    lists = [HERE / name for name in ("keystone_rig.py", "keystone_seed.py", "configs.py", "constraints.txt")]
    folder = target() / f"keystone-{fingerprint(*lists)}"
    with locked(target() / "keystone.lock"):
        if folder.exists():
            return folder
        with tempfile.TemporaryDirectory(dir=target()) as parent:
            fresh = Path(parent) / "keystone"
            initialise(fresh, ports, programs)
            fresh.rename(folder)
    return folder


def initialise(folder, ports, programs):
    for name in KEYS:
        (folder / name).mkdir(parents=True, mode=0o700)
    configure(folder, TOKEN_SECONDS)
    manage(folder, programs, "db_sync")
    group = grp.getgrgid(os.getgid()).gr_name
    manage(folder, programs, "fernet_setup", "--keystone-user", getpass.getuser(), "--keystone-group", group)
    names = {"username": "admin", "project-name": "admin", "role-name": "admin", "service-name": "keystone"}
    urls = {"public-url": f"{seed.IDENTITY_URL}/v3", "internal-url": f"{seed.IDENTITY_URL}/v3"}
    facts = {**names, **urls, "password": seed.ADMIN_PASSWORD, "region-id": seed.REGION}
    manage(folder, programs, "bootstrap", *(f"--bootstrap-{key}={value}" for key, value in facts.items()))
    serving = server(folder, ports, programs, folder / "initialise.log")
    try:
        serving.start()
        serving.wait()
        (folder / "facts.json").write_text(json.dumps(seed.fill(ports.keystone)))
    finally:
        serving.stop()


def server(folder, ports, programs, log):
    command = [str(programs / "python"), str(HERE / "keystone_serve.py"), str(folder), str(ports.keystone)]
    return Process("keystone", command, log, answers_http(ports.keystone, "/v3"))


def manage(folder, programs, *arguments):
    command = [str(programs / "keystone-manage"), "--config-file", str(folder / "keystone.conf"), *arguments]
    log = folder / "initialise.log"
    try:
        with open(log, "ab") as output:
            call(command, seconds_max=MANAGE_SECONDS_MAX, stdout=output, stderr=output)
    except RigError as error:
        raise RigError(f"{error}; it said:\n{log.read_text()}") from error


def configure(folder, token_life):
    # Every repository of keys is named: the default ones lie in /etc.
    text = configs.sections(
        ("DEFAULT", {"use_stderr": "true"}),
        ("database", {"connection": f"sqlite:///{folder}/keystone.db"}),
        ("token", {"provider": "fernet", "expiration": token_life, "allow_expired_window": 0}),
        ("fernet_tokens", {"key_repository": folder / "fernet"}),
        ("fernet_receipts", {"key_repository": folder / "receipts"}),
        ("credential", {"key_repository": folder / "credentials"}),
        # The catalog may be changed under way.
        ("cache", {"enabled": "false"}),
        ("catalog", {"caching": "false"}),
        ("identity", {"password_hash_algorithm": "bcrypt", "password_hash_rounds": 4}),
    )
    (folder / "keystone.conf").write_text(text)
