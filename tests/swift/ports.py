"""Ports of a rig: a block of neighbours that no other rig has."""

import random
import socket
from pathlib import Path

BLOCK = 50
FIRST = 10000
LOOPBACK = "127.0.0.1"


class Ports:
    """A block of ports, claimed by listening on its first one until this object is closed.

    The block lies below the ports that the system gives to clients, so that a killed server finds its own port free when
    it is started again.
    """

    def __init__(self):
        low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        blocks = list(range(FIRST, max(low, FIRST + 20 * BLOCK) - BLOCK, BLOCK))
        random.shuffle(blocks)
        self.claim = None
        for base in blocks:
            self.claim = listener(base)
            if self.claim and all(is_free(port) for port in range(base + 1, base + BLOCK)):
                self.base = base
                return
            self.close()
        raise OSError("no free block of ports: stop some of the servers on loopback")

    def close(self):
        """Gives the block back."""
        if self.claim:
            self.claim.close()
        self.claim = None

    @property
    def proxy(self):
        """Port of the Swift proxy."""
        return self.base + 1

    @property
    def memcached(self):
        """Port of memcached."""
        return self.base + 2

    @property
    def keystone(self):
        """Port of Keystone."""
        return self.base + 3

    def node(self, number, kind):
        """Port of a storage server: `kind` is object, container or account; `number` counts from 1."""
        return self.base + 10 * number + ("object", "container", "account").index(kind)


def listener(port):
    found = socket.socket()
    # As the servers do: a connection that has just ended does not keep a port.
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((LOOPBACK, port))
        found.listen(1)
    except OSError:
        found.close()
        return None
    return found


def is_free(port):
    found = listener(port)
    if found:
        found.close()
    return found is not None
