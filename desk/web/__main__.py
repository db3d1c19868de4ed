"""python -m desk.web [--host ADDRESS] [--port PORT] [--secure-cookie] [--proxies N]"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

from desk.web.server import Settings, app

PORT = 5006


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the desk until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m desk.web", description="The agents' desk, at /desk.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--secure-cookie", action="store_true", help="for a desk that is reached by https")
    parser.add_argument("--proxies", type=int, default=0, help="how many proxies of yours stand before it")
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings(secure_cookie=asked.secure_cookie, proxies=asked.proxies)
    app(settings).run(asked.host, asked.port, access_log=False, motd=False)


if __name__ == "__main__":
    main()
