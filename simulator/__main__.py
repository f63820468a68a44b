"""`python -m simulator`: the command line."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys

from simulator.config import InvalidSetting, Settings, describe_environment
from simulator.server import create_server

_EPILOG = f"""environment variables (default in brackets):
  SIMULATOR_HOST, SIMULATOR_PORT  as --host and --port
{describe_environment()}

The payer's phone is the page at /, the control API lies under /control/ (see simulator/README.md).
Phones 254799xxxxxx are always answered by hand; the PIN is 123456.
"""


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Plays the mobile-money operator: tokens, STK, C2B, Pull, B2C, reversal, and what it calls back.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    environ = os.environ
    parser.add_argument("--host", default=environ.get("SIMULATOR_HOST", "127.0.0.1"), help="address to listen on")
    parser.add_argument("--port", default=environ.get("SIMULATOR_PORT", "9000"), type=int, help="0 = any free port")
    parser.add_argument("--book", help="SQLite file of the book; overrides SIMULATOR_BOOK")
    return parser.parse_args(arguments)


def main() -> int:
    """Serves until told to stop. Exit code 2 for a setting that cannot be or a book that cannot be opened."""
    chosen = parse_arguments(sys.argv[1:])
    overrides = {} if chosen.book is None else {"book": chosen.book}
    try:
        settings = Settings.from_env(os.environ, **overrides)
    except InvalidSetting as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    try:
        server = create_server(settings, host=chosen.host, port=chosen.port)
    except sqlite3.Error as error:
        sys.stderr.write(f"simulator: cannot open the book {settings.book}: {error}\n")
        return 2
    try:
        server.run()
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
