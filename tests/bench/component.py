"""The component in wasmtime, as docs/wasi.md has it run."""

import functools
import os
import subprocess
from pathlib import Path

import install
from install import output
from process import BenchError
from server import Server, told_port

SECRET = "the-secret-of-the-bench"
# As in the commands of docs/wasi.md.
MEMORY_BYTES_MAX = 268435456
REUSE = 1000
# Where there is no home to write to, wasmtime does not start with its cache on, even if it has nothing to keep there.
NO_CACHE = ("-C", "cache=n")


class Component(Server):
    """wasmtime with the component, which was compiled before."""

    name = "wharfinger-wasi"
    reuse = REUSE

    def install(self):
        self.wasm = Path(script(self.repository, "wasi-build"))
        self.wasmtime = str(Path(script(self.repository, "wasi", "tools")) / "wasmtime")
        self.precompiled = self.target / "bench" / "wharfinger_wasi.cwasm"
        self.precompiled.parent.mkdir(parents=True, exist_ok=True)
        compile_it = [self.wasmtime, "compile", *NO_CACHE, "-o", str(self.precompiled), str(self.wasm)]
        install.call(compile_it, install.BUILD_SECONDS_MAX)

    def version(self):
        commit = output(["git", "-C", str(self.repository), "describe", "--always", "--dirty"])
        instances = f"{self.reuse} request{'s' if self.reuse > 1 else ''} per instance"
        return f"commit {commit}, {self.wasm.stat().st_size:,} bytes, {output([self.wasmtime, '--version'])}, {instances}"

    def command(self, folder, port):
        return self.serve("127.0.0.1:0", self.storage(folder), self.compiled())

    def compiled(self):
        """Serves what was compiled before."""
        return [*NO_CACHE, "--allow-precompiled", str(self.precompiled)]

    def serve(self, address, storage, component):
        """The command that serves a component, which comes with its own options."""
        command = [self.wasmtime, "serve", "-Scli", "--addr", address, "--idle-instance-timeout", "10s"]
        command += ["--max-instance-reuse-count", str(self.reuse), f"-Wmax-memory-size={MEMORY_BYTES_MAX}"]
        return [*command, "--env", f"WHARFINGER_SECRET={SECRET}", "--env", "WHARFINGER_OPEN_TO_ALL=true", *storage, *component]

    def environment(self):
        return {**os.environ, "RUST_BACKTRACE": "0"}

    def listening_port(self, process, port, log):
        return told_port(process, log, rb"Serving HTTP on http://127\.0\.0\.1:(\d+)")

    def storage(self, folder):
        return ["--dir", f"{folder / 'data'}::/data"]


class ComponentOnce(Component):
    """The same with an instance for every request, which is wasmtime's default."""

    name = "wharfinger-wasi-once"
    reuse = 1

    def measures(self, job):
        # What it does with many bytes is what the other one does.
        return job.startswith(("get-", "head-"))


NAMES = (Component.name, ComponentOnce.name)


@functools.cache
def script(repository, *name):
    """Runs a script under tests, which says the path of what it made."""
    command = [str(repository.joinpath("tests", *name))]
    try:
        done = subprocess.run(
            command,
            check=True,
            timeout=install.BUILD_SECONDS_MAX,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchError(f"{error}: what is wrong stands above") from error
    return done.stdout.strip()
