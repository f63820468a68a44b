"""The gate before a server starts: a configuration that is not fit to serve is refused with every reason at once."""

import sys

from django.conf import settings


def refuse_unfit_configuration() -> None:
    """Exit with status 78 (configuration error) and one line per problem; say nothing when all is well."""
    from onpoint_pay.settings import problems_before_start

    problems = problems_before_start()
    if problems and settings.configured:
        sys.stderr.write("OnPoint Pay does not start:\n" + "".join(f"  - {problem}\n" for problem in problems))
        raise SystemExit(78)
