"""Builds and installs what a run needs."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from process import BenchError

BUILD_SECONDS_MAX = 3600
INSTALL_SECONDS_MAX = 900
VERSION_SECONDS_MAX = 30


def load_generator(repository, target):
    """Builds the load generator; returns its path."""
    return tests_program(repository, target, "bench_load")


def request_counter(repository, target):
    """Builds the proxy that counts requests; returns its path."""
    return tests_program(repository, target, "bench_count")


def tests_program(repository, target, name):
    cargo(repository, "-p", "wharfinger-tests", "--bin", name)
    return target / "release" / name


def cargo(repository, *what):
    """Builds in release mode; a build that is up to date costs nothing, and a stale one would measure the past."""
    call(["cargo", "build", "--quiet", "--release", *what], BUILD_SECONDS_MAX, cwd=repository)


def debian_package(package, program):
    """Finds a program, installing its package when that is possible; returns its path."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
    if path:
        return path
    advice = f"{program} is not installed: as root, apt-get install --no-install-recommends {package}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BenchError(advice)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with no_services():
        call(["apt-get", "update", "-qq"], INSTALL_SECONDS_MAX, env=environment)
        command = ["apt-get", "install", "-qq", "--no-install-recommends", package]
        call(command, INSTALL_SECONDS_MAX, env=environment)
    path = shutil.which(program, path="/usr/sbin:/usr/bin")
    if not path:
        raise BenchError(f"apt-get installed {package}, but there is no {program}")
    return path


@contextlib.contextmanager
def no_services():
    """Keeps the packages' own services, which would listen on every interface, from being started."""
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


def python_package(name, version, program, target, beside=()):
    """Installs a package from PyPI, and those beside it, in an environment of its own; returns the folder of its programs."""
    folder = target / "bench" / "-with-".join([f"{name}-{version}", *(one.replace("==", "-") for one in beside)])
    programs = folder / "bin"
    if not (programs / program).exists():
        advice = "if ensurepip is missing: as root, apt-get install python3-venv"
        call(["python3", "-m", "venv", str(folder)], INSTALL_SECONDS_MAX, advice=advice)
        pip = [str(programs / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        call([*pip, f"{name}=={version}", *beside], INSTALL_SECONDS_MAX)
    return programs


def call(command, seconds_max, advice="", **options):
    """Runs a command; its output goes to stderr, for stdout is the report's."""
    try:
        subprocess.run(command, check=True, timeout=seconds_max, stdin=subprocess.DEVNULL, stdout=2, **options)
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchError(f"{error} {advice}".rstrip()) from error


def output(command):
    """What a command prints, errors included, in one line."""
    try:
        done = subprocess.run(
            command,
            check=True,
            timeout=VERSION_SECONDS_MAX,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchError(f"cannot ask for a version: {error}") from error
    return " ".join(done.stdout.decode("utf-8", "replace").split())
