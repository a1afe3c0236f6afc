"""Cold starts: from the start of the process to its first answer, by the form that the component comes in."""

import http.client
import subprocess
import tempfile
import time
from pathlib import Path

from component import NO_CACHE
from process import TICKS_PER_SECOND, BenchError, cpu_ticks, resident_bytes
from server import START_SECONDS_MAX, ask, free_port, stop

FULL_ROUNDS = 9
QUICK_ROUNDS = 2
# Below the difference that matters, above what asking costs.
ASK_AGAIN_SECONDS = 0.001

NATIVE = "native program"
PLAIN = ".wasm, no cache"
CACHED = ".wasm, in wasmtime's cache"
PRECOMPILED = ".cwasm, compiled before"
FORMS = (NATIVE, PLAIN, CACHED, PRECOMPILED)


def measure(native, server, rounds, parent):
    """Every form in turn, some times; milliseconds, CPU milliseconds and resident bytes of each start."""
    with tempfile.TemporaryDirectory(prefix="cold-start-", dir=parent) as folder:
        folder = Path(folder)
        (folder / "data").mkdir()
        cache = folder / "cache.toml"
        cache.write_text(f'[cache]\ndirectory = "{folder / "cache"}"\n')
        # The first start with the cache fills it.
        once(wasm(server, folder, ["-C", f"cache-config={cache}", str(server.wasm)]), server, folder)
        found = []
        for _ in range(rounds):
            for form, command in commands(native, server, folder, cache):
                found.append({"form": form, **once(command, server, folder)})
        size = {PLAIN: server.wasm.stat().st_size, PRECOMPILED: server.precompiled.stat().st_size}
        size |= {CACHED: size[PLAIN], NATIVE: native.program.stat().st_size if native else None}
    return {"starts": found, "sizes": size}


def commands(native, server, folder, cache):
    """Every form as a function of the address."""
    if native:
        yield NATIVE, lambda address: [str(native.program), "serve", "--listen", address, "--data", str(folder / "data")]
    yield PLAIN, wasm(server, folder, [*NO_CACHE, str(server.wasm)])
    yield CACHED, wasm(server, folder, ["-C", f"cache-config={cache}", str(server.wasm)])
    yield PRECOMPILED, wasm(server, folder, server.compiled())


def wasm(server, folder, form):
    return lambda address: server.serve(address, server.storage(folder), form)


def once(command, server, folder):
    """Starts one, asks until it answers, ends it."""
    port = free_port()
    with (folder / "log").open("wb") as out:
        begun = time.monotonic()
        process = subprocess.Popen(
            command(f"127.0.0.1:{port}"), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=server.environment()
        )
        try:
            while time.monotonic() < begun + START_SECONDS_MAX and process.poll() is None:
                try:
                    ask(f"127.0.0.1:{port}", "/v2/")
                except (OSError, http.client.HTTPException):
                    time.sleep(ASK_AGAIN_SECONDS)
                    continue
                seconds = time.monotonic() - begun
                cpu = cpu_ticks(process.pid) / TICKS_PER_SECOND
                return {"seconds": seconds, "cpu_seconds": cpu, "resident_bytes": resident_bytes(process.pid)}
        finally:
            stop(process)
    raise BenchError(f"{process.args[0]} does not start: {(folder / 'log').read_text(errors='replace')}")
