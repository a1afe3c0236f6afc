"""Writes the rings of a rig: make_rings.py FOLDER PART_POWER DEVICE KIND=PORT[,PORT]...

In one process, for that of swift-ring-builder takes most of a second for every step.
"""

import sys

from swift.common.ring import RingBuilder

folder, part_power, device, *kinds = sys.argv[1:]
for kind in kinds:
    name, ports = kind.split("=")
    ports = [int(port) for port in ports.split(",")]
    builder = RingBuilder(int(part_power), len(ports), 1)
    for zone, port in enumerate(ports, 1):
        address = {"ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1", "replication_port": port}
        builder.add_dev({**address, "region": 1, "zone": zone, "device": device, "weight": 1.0, "meta": ""})
    builder.rebalance()
    builder.get_ring().save(f"{folder}/{name}.ring.gz")
