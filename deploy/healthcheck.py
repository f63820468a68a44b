"""Health check of a container: `python healthcheck.py PORT PATH` ends with 0 when the server there answers 200."""

import http.client
import os
import sys
from urllib.parse import urlsplit


def main(port: str, path: str) -> int:
    # The server answers only to the names it knows, and 127.0.0.1 need not be one of them.
    host = urlsplit(os.environ.get("BASE_URL", "")).netloc or f"127.0.0.1:{port}"
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=4)
    try:
        connection.request("GET", path, headers={"Host": host})
        return 0 if connection.getresponse().status == http.client.OK else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
