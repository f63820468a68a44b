"""The block `make run` prints when everything is ready."""

from collections.abc import Mapping

BLOCK = """
OnPoint Pay is ready.

  API            {base_url}/api/v1/
  Docs           {base_url}/api/v1/docs/
  Payer's phone  {simulator_url}/
  Test key       {secret_key}
  Dashboard      {email}  {password}
  Operators      {base_url}/operators/  (.venv/bin/python manage.py operator add you@example.com --role risk)

Pay KES 100:

  curl -s {base_url}/api/v1/payments/initiate/ \\
    -H 'Authorization: Bearer {secret_key}' -H 'Content-Type: application/json' \\
    -d '{{"amount": "100.00", "currency": "KES", "payment_method": "mpesa", "phone": "254712345678"}}'

Logs are in {logs}. Ctrl-C stops everything; the data stays.
"""


def welcome(credentials: Mapping[str, str], *, base_url: str, simulator_url: str, logs: str) -> str:
    """`credentials` is what `seed_demo` wrote: secret_key, email, password."""
    shown = {name: credentials.get(name, "(see credentials.json)") for name in ("secret_key", "email", "password")}
    return BLOCK.format(**shown, base_url=base_url, simulator_url=simulator_url, logs=logs)
