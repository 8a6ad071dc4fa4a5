"""Write down every attempt of a Python process to reach another machine.

Belongs here: an audit hook, loaded by putting this folder on ``PYTHONPATH``. Does not belong
here: refusing anything; a test reads the file named by ``EGRESS_LOG`` afterwards.
"""

import os
import socket
import sys

_LOG = os.environ.get("EGRESS_LOG")
_CONNECTING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_ASKING = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
_HERE = ("127.", "::1", "localhost", "0.0.0.0", socket.gethostname())


def _elsewhere(host):
    return isinstance(host, str | bytes) and not str(host).removeprefix("b'").startswith(_HERE)


def _note(event, arguments):
    if event in _CONNECTING:
        address = arguments[1] if len(arguments) > 1 else None
        # A path is a socket of this machine.
        reaches = isinstance(address, tuple) and _elsewhere(address[0])
    elif event in _ASKING:
        reaches = _elsewhere(arguments[0])
    else:
        return
    if reaches:
        with open(_LOG, "a") as log:  # noqa: PTH123 - no import inside an audit hook
            log.write(f"{event} {arguments[1:] if event in _CONNECTING else arguments[:1]}\n")


if _LOG:
    sys.addaudithook(_note)
