"""One export in a process of its own, to be killed: run as a module with profile and home."""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.catalogue.profiles import load_profile
from pipelines.clients.bulk import Options, run_export
from pipelines.settings import Zones


def main() -> None:
    profile, home = load_profile(Path(sys.argv[1])), Zones(Path(sys.argv[2])).create()
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    exported = run_export(profile, home, shard="trondheim-1", options=Options())
    sys.stdout.write(f"delivered {exported.delivery.name}\n")


if __name__ == "__main__":
    main()
