"""python -m actions [--host ADDRESS] [--port PORT]"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

from actions.server import app

PORT = 5055


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the actions until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m actions", description="The action server, at /webhook.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=PORT)
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    app().run(asked.host, asked.port, access_log=False, motd=False)


if __name__ == "__main__":
    main()
