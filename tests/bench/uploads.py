"""Memory per running upload: many at once, held when half of their bytes are there."""

import hashlib
import http.client
import os
import threading
import time
import urllib.parse
from collections import namedtuple
from pathlib import Path

from process import BenchError, peak_bytes, resident_bytes, tree

# upload_bytes: half of it is sent before all of them wait for each other.
Sizes = namedtuple("Sizes", "uploads upload_bytes")
FULL = Sizes(32, 16 << 20)
QUICK = Sizes(8, 2 << 20)
NAMES = ("wharfinger", "wharfinger-wasi")

CHUNK_BYTES = 32 << 10
SECONDS_MAX = 60
# Shorter than what ends a segment early on Swift.
HELD_SECONDS = 0.5
READ_AGAIN_SECONDS = 0.05


def measure(running, sizes):
    """Resident memory idle and with all uploads held, and the peak of all from their start to their end, in bytes."""
    content = os.urandom(sizes.upload_bytes)
    idle = resident_bytes(running.pid)
    forget_peak(running.pid)
    held, failures = [], []

    def hold():
        deadline = time.monotonic() + HELD_SECONDS
        while time.monotonic() < deadline:
            held.append(resident_bytes(running.pid))
            time.sleep(READ_AGAIN_SECONDS)

    everybody = threading.Barrier(sizes.uploads, action=hold)

    def work(number):
        try:
            upload(running, f"{number:08}".encode(), content, lambda: everybody.wait(SECONDS_MAX))
        except (BenchError, OSError, http.client.HTTPException, threading.BrokenBarrierError) as error:
            everybody.abort()
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(sizes.uploads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise BenchError(f"an upload failed: {failures[0]!r}")
    return {
        "uploads": sizes.uploads,
        "upload_bytes": sizes.upload_bytes,
        "idle_bytes": idle,
        "held_bytes": max(held),
        "peak_bytes": peak_bytes(running.pid),
    }


def upload(running, start, content, halfway):
    """Pushes one blob in chunked coding; `halfway` is called when half of it has left."""
    content = start + content[len(start) :]
    connection = http.client.HTTPConnection(running.address, timeout=SECONDS_MAX)
    try:
        location = exchange(connection, "POST", "/v2/bench/held/blobs/uploads/", 202)
        location = exchange(connection, "PATCH", location, 202, chunks(content, halfway))
        joint = "&" if "?" in location else "?"
        digest = urllib.parse.quote("sha256:" + hashlib.sha256(content).hexdigest(), safe="")
        exchange(connection, "PUT", f"{location}{joint}digest={digest}", 201)
    finally:
        connection.close()


def chunks(content, halfway):
    half = len(content) // 2
    for begin, end in ((0, half), (half, len(content))):
        for at in range(begin, end, CHUNK_BYTES):
            yield content[at : min(at + CHUNK_BYTES, end)]
        if end == half:
            halfway()


def exchange(connection, method, target, status, body=None):
    """One request; the path and query that the answer tells to go on with."""
    headers = {"Transfer-Encoding": "chunked"} if body else {"Content-Length": "0"}
    connection.request(method, target, body=body, headers=headers, encode_chunked=bool(body))
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != status:
        raise BenchError(f"{method}: answered {answer.status}, not {status}: {text[:200]}")
    parts = urllib.parse.urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def forget_peak(pid):
    """The peak of memory counts from here: proc_pid_clear_refs(5)."""
    for member in tree(pid):
        Path(f"/proc/{member}/clear_refs").write_text("5")
