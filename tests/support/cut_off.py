"""Run a command in a network that holds this machine alone, and note what it tried to reach.

Belongs here: bringing up loopback inside a fresh network namespace, and the kernel's counters
afterwards. Does not belong here: making the namespace (``unshare -rn`` starts this file).

Usage: ``unshare -rn python cut_off.py COUNTERS COMMAND…``
"""

import fcntl
import socket
import struct
import subprocess
import sys
from pathlib import Path

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def raise_loopback() -> None:
    """Bring ``lo`` up: processes may talk to this machine, and to nothing else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        _, flags = struct.unpack("16sH14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def note(counters: Path, process: int | str = "self") -> None:
    """Write down what the kernel found no way for in a process' network, by protocol."""
    net = Path("/proc") / str(process) / "net"
    rows = [line.split() for line in (net / "snmp").read_text().splitlines()]
    ip = [row for row in rows if row[0] == "Ip:"]
    four = dict(zip(ip[0], ip[1], strict=True))["OutNoRoutes"]
    six = dict(line.split() for line in (net / "snmp6").read_text().splitlines())
    with counters.open("a") as file:
        file.write(f"{four} {six['Ip6OutNoRoutes']}\n")


if __name__ == "__main__":
    raise_loopback()
    ended = subprocess.run(sys.argv[2:], check=False)
    note(Path(sys.argv[1]))
    sys.exit(ended.returncode if ended.returncode >= 0 else 128 - ended.returncode)
