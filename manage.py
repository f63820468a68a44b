#!/usr/bin/env python
"""The shell door: every management command of OnPoint Pay."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onpoint_pay.settings")
    if sys.argv[1:2] == ["test"]:
        # The same throw-away servers as `make test`, unless DATABASE_URL and REDIS_URL name some.
        from tests.servers import set_test_environment, start_test_servers

        os.environ.setdefault("LOG_LEVEL", "ERROR")
        set_test_environment()
        start_test_servers()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
