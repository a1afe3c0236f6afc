"""What is measured: each row is one job of the load generator, the server's CPU clock read around it."""

import json
import subprocess
import threading
from collections import namedtuple

from process import TICKS_PER_SECOND, BenchError, cpu_ticks, machine_ticks, settled_cpu_ticks

MIB = 1 << 20

# Blobs and their size, one connection after the other or 16 at once; how long reads go on.
Sizes = namedtuple("Sizes", "big_count big_bytes many_count many_bytes seconds job_seconds_max")
FULL = Sizes(4, 64 * MIB, 16, 16 * MIB, 3.0, 300)
QUICK = Sizes(2, 4 * MIB, 16, MIB, 0.3, 30)

# unit: "bytes" is CPU time per MiB moved, "requests" is requests per second of CPU time.
# shape: which blobs, and over how many connections. seed: a pull names the push that left its blobs.
Row = namedtuple("Row", "key title unit job shape seed")
ROWS = (
    Row("push-chunked-1", "push, chunked PATCH, one at a time", "bytes", "push-chunked", "big", 1),
    Row("push-chunked-16", "push, chunked PATCH, 16 at once", "bytes", "push-chunked", "many", 2),
    Row("push-whole-1", "push, one PUT, one at a time", "bytes", "push-whole", "big", 3),
    Row("push-whole-16", "push, one PUT, 16 at once", "bytes", "push-whole", "many", 4),
    Row("pull-1", "pull, one at a time", "bytes", "pull", "big", 1),
    Row("pull-16", "pull, 16 at once", "bytes", "pull", "many", 2),
    Row("get-manifest", "GET manifest by tag", "requests", "get-manifest", "image", 5),
    Row("get-blob", "GET blob of 1 KiB", "requests", "get-blob", "image", 5),
    Row("head-blob", "HEAD blob", "requests", "head-blob", "image", 5),
)
IMAGE_CONNECTIONS = 4
MANY_CONNECTIONS = 16
# How much longer than its own limit the load generator is waited for.
GRACE_SECONDS = 10


def bytes_pushed(sizes):
    """What all the pushes of one round leave on disk."""
    return 2 * (sizes.big_count * sizes.big_bytes + sizes.many_count * sizes.many_bytes)


def prepare(running, load, sizes):
    """Pushes the image that the requests per second are measured with."""
    run_job("prepare", ["--connections", "1", "--seed", "5"], running, load, sizes)


def measure(row, running, load, sizes):
    """One row of one server: CPU and wall seconds, bytes, operations, connections, and who else was busy."""
    shapes = {
        "big": (1, sizes.big_count, sizes.big_bytes),
        "many": (MANY_CONNECTIONS, sizes.many_count, sizes.many_bytes),
        "image": (IMAGE_CONNECTIONS, 1, 1),
    }
    connections, count, size = shapes[row.shape]
    arguments = ["--connections", connections, "--count", count, "--bytes", size, "--seed", row.seed]
    return run_job(row.job, [str(argument) for argument in arguments], running, load, sizes)


def run_job(job, arguments, running, load, sizes, counter=None):
    """Runs one job of the load generator; with a counter, the requests that passed it meanwhile are in the answer."""
    command = [str(load), job, "--address", running.address, "--server", running.kind, *arguments]
    command += ["--seconds", str(sizes.seconds), "--limit-seconds", str(sizes.job_seconds_max)]
    if running.token:
        command += ["--token", running.token]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    watchdog = threading.Timer(sizes.job_seconds_max + GRACE_SECONDS, process.kill)
    watchdog.start()
    try:
        expect(process, job, "ready")
        client_before = cpu_ticks(process.pid)
        busy_before, total_before = machine_ticks()
        if counter:
            counter.take()
        before = cpu_ticks(running.pid)
        go_on(process)
        expect(process, job, "done")
        ticks = settled_cpu_ticks(running.pid) - before
        busy, total = (after - before for after, before in zip(machine_ticks(), (busy_before, total_before)))
        others = max(0, busy - ticks - (cpu_ticks(process.pid) - client_before))
        requests = counter.take() if counter else None
        go_on(process)
        line = process.stdout.readline()
        if process.wait() != 0:
            raise BenchError(f"{job}: {process.stderr.read().strip()}")
        return {
            "cpu_seconds": ticks / TICKS_PER_SECOND,
            "cpu_ticks": ticks,
            "others_ticks": others,
            "machine_ticks": total,
            "requests": requests,
            **json.loads(line),
        }
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def expect(process, job, word):
    line = process.stdout.readline().strip()
    if line != word:
        process.kill()
        raise BenchError(f"{job}: {process.stderr.read().strip() or 'the load generator was ended for taking too long'}")


def go_on(process):
    process.stdin.write("\n")
    process.stdin.flush()
