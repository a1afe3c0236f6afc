"""Installs what a rig needs: memcached from Debian, the rest from PyPI in an environment under target/swift."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
INSTALL_SECONDS_MAX = 900
DEBIAN_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class RigError(Exception):
    """Why the rig cannot go on, and what to do about it."""


def target():
    """The folder that holds everything of all rigs."""
    folder = os.environ.get("CARGO_TARGET_DIR", HERE.parents[1] / "target")
    path = Path(folder).resolve() / "swift"
    path.mkdir(parents=True, exist_ok=True)
    return path


def everything():
    """Installs what is missing; returns the folder of the Python environment's programs. Safe to run many times at once."""
    with locked(target() / "install.lock"):
        debian_package("memcached", "memcached")
        return python_environment()


def debian_package(package, program):
    """Finds a program, installing its package when that is possible; returns its path."""
    path = program_path(program)
    if path:
        return path
    advice = f"{program} is missing: as root, apt-get install --no-install-recommends {package}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise RigError(advice)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with no_services():
        call(["apt-get", "update", "-qq"], env=environment)
        call(["apt-get", "install", "-qq", "--no-install-recommends", package], env=environment)
    path = program_path(program)
    if not path:
        raise RigError(f"apt-get installed {package}, but there is no {program}; {advice}")
    return path


def program_path(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":" + DEBIAN_PATH)


def python_environment():
    """The environment of exactly these requirements; another list of them is another environment."""
    lists = [HERE / "requirements.txt", HERE / "constraints.txt"]
    programs = target() / f"python-{fingerprint(*lists)}" / "bin"
    done = programs.parent / "installed"
    if done.exists():
        return programs
    shutil.rmtree(programs.parent, ignore_errors=True)
    advice = "if ensurepip is missing: as root, apt-get install python3-venv"
    call([sys.executable, "-m", "venv", str(programs.parent)], advice=advice)
    pip = [str(programs / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    call([*pip, "--requirement", str(lists[0]), "--constraint", str(lists[1])])
    done.touch()
    return programs


def fingerprint(*files):
    """A short name for the content of some files."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@contextlib.contextmanager
def locked(path):
    """Holds a lock that ends with the process at the latest."""
    with open(path, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def no_services():
    """Keeps the packages' own services from being started."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def call(command, advice="", seconds_max=INSTALL_SECONDS_MAX, **options):
    """Runs a command; its output goes to stderr, unless told otherwise, for stdout is the rig's."""
    options = {"stdin": subprocess.DEVNULL, "stdout": 2, **options}
    try:
        subprocess.run(command, check=True, timeout=seconds_max, **options)
    except (OSError, subprocess.SubprocessError) as error:
        raise RigError(f"{error} {advice}".rstrip()) from error
