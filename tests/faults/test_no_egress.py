"""Nothing leaves the machine: the whole demonstration asked no other machine for anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.demo_run import Demo, Home, can_cut_off

ATTEMPTS = {
    "connect": "import socket; socket.create_connection(('192.0.2.1', 443), timeout=0.2)",
    "look up": "import socket; socket.getaddrinfo('telemetry.example.org', 443)",
    "datagram": (
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))"
    ),
    "library": "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=0.2)",
}


def test_the_demonstration_reached_for_nobody(demo: Demo) -> None:
    assert demo.ended.code == 0
    assert not demo.home.egress_log.exists(), demo.home.egress_log.read_text()
    # Engines in other languages pass Python by, the kernel they cannot.
    assert demo.home.without_route() in (0, None)


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_guard_sees_an_attempt(attempt: str, tmp_path: Path) -> None:
    home = Home.under(tmp_path)
    home.start_python(f"try: \n  {ATTEMPTS[attempt]}\nexcept OSError: pass", cut_off=True).wait()
    assert home.egress_log.exists(), home.text("stderr")
    assert home.without_route() is None or home.without_route() > 0


def test_the_guard_lets_this_machine_talk_to_itself(tmp_path: Path) -> None:
    home = Home.under(tmp_path)
    code = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname(), timeout=2)\n"
        "socket.getaddrinfo('localhost', 80)\n"
    )
    process = home.start_python(code, cut_off=True)
    assert process.wait() == 0, home.text("stderr")
    assert not home.egress_log.exists()
    assert home.without_route() in (0, None)


@pytest.mark.skipif(not can_cut_off(), reason="needs unshare -rn: no network namespace here")
def test_the_kernel_sees_what_python_does_not(tmp_path: Path) -> None:
    home = Home.under(tmp_path)
    code = "import subprocess; subprocess.run(['bash', '-c', 'exec 3<>/dev/tcp/192.0.2.1/80'])"
    home.start_python(code, cut_off=True).wait()
    assert not home.egress_log.exists()
    assert home.without_route() > 0
