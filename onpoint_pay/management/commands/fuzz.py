"""`manage.py fuzz`: requests made up from the OpenAPI document, against a stack of its own, every answer judged."""

import json
import shutil
import subprocess
import sys
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.home import make_ephemeral_home
from onpoint_pay.local.ports import choose_free
from onpoint_pay.supervisor import LocalStack

POLICIES = ("API", "INITIATE", "STATUS", "AUTH", "LOGIN", "LOGIN_ADDRESS", "CODE", "PROVIDER", "CALLBACK", "EXPORT")
NO_LIMITS = {f"RATE_LIMIT_{policy}": "100000000/1m" for policy in POLICIES}
# The accounts that requests connect are made up: nobody outside is asked about them.
NOBODY = {"MPESA_ENVIRONMENT": "sandbox", "MPESA_BASE_URL": "http://127.0.0.1:9"}
# Words the schema cannot rule out are refused all the same, and a revoked key can still be read.
SKIPPED_CHECKS = "positive_data_acceptance,use_after_free"
FOR_PEOPLE = ("auth", "api-keys", "provider-accounts", "team", "roles", "kyc", "privacy", "requests", "audit")
# Some of these operations are for people too, and refuse keys.
FOR_BOTH = ("refunds", "payouts", "settlements", "merchant", "books")
# Two end the session that the other requests of the run need. The last answers 502 and 503 by right: no provider
# knows the accounts of this run.
LEFT_OUT = ("logout_all", "end_session", "register_provider_account_urls")


class Command(BaseCommand):
    help = (
        "Fuzz every operation of the API with schemathesis. Exits with its status: 0 only when nothing was found. "
        "A database that DATABASE_URL names is filled with what the requests make."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--max-examples", type=int, default=1000, help="requests made up for each operation")
        parser.add_argument("--tag", action="append", default=[], help="only operations with this tag; repeatable")

    def handle(self, *args: Any, **options: Any) -> None:
        home = make_ephemeral_home()
        try:
            status = self._run(home, options["max_examples"], options["tag"])
        except KeyboardInterrupt:
            sys.exit(130)
        except LocalError as error:
            self.stderr.write(f"\n{error}")
            sys.exit(1)
        if status:
            self.stderr.write(f"The logs are in {home / 'logs'} until the next run.")
        else:
            shutil.rmtree(home)
        sys.exit(status)

    def _run(self, home: Path, max_examples: int, only: list[str]) -> int:
        settings = NO_LIMITS | NOBODY
        with LocalStack(home, port=choose_free(), simulator_port=choose_free(), extra_env=settings) as stack:
            document = _strict_document(stack)
            tags = only or _tags_of(document)
            call = ["--url", stack.base_url, "--max-examples", str(max_examples)]
            key, person = stack.credentials["secret_key"], _sign_in(stack)
            # So that payouts are not only refused.
            _call(stack, "/test/balance/", {"amount": "1000000.00"}, token=key)
            as_backend = _chosen("--include-tag", *[tag for tag in tags if tag not in FOR_PEOPLE])
            as_person = _chosen("--include-tag", *[tag for tag in tags if tag in FOR_PEOPLE + FOR_BOTH])
            left_out = _chosen("--exclude-operation-id", *LEFT_OUT)
            failed = [
                self._fuzz(document, token, [*call, *chosen, *left_out])
                for token, chosen in ((key, as_backend), (person, as_person))
                if chosen
            ]
            return max(failed)

    def _fuzz(self, document: Path, token: str, arguments: list[str]) -> int:
        program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
        if program is None:
            raise LocalError("schemathesis is not installed: `make fuzz` installs it.")
        checks = ["--checks", "all", "--exclude-checks", SKIPPED_CHECKS, "--continue-on-failure"]
        # Most invented ids lead nowhere; that is no fault of the generator.
        quiet = ["--suppress-health-check", "all", "--warnings", "off"]
        header = ["--header", f"Authorization: Bearer {token}"]
        command = [program, "run", str(document), *arguments, *checks, *quiet, *header]
        return subprocess.run(command, cwd=document.parent, check=False).returncode  # noqa: S603


def _chosen(option: str, *tags: str) -> list[str]:
    return [word for tag in tags for word in (option, tag)]


def _strict_document(stack: LocalStack) -> Path:
    """The document as it is served, without the `default` answers: a status that is not named is a finding."""
    found = _call(stack, "/schema/?format=json")
    for operations in found["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("default", None)
            # Longer addresses than the web server reads never reach the product.
            operation["responses"]["414"] = {"description": "The address is too long."}
    path = stack.home / "openapi.json"
    path.write_text(json.dumps(found))
    return path


def _tags_of(document: Path) -> list[str]:
    return [tag["name"] for tag in json.loads(document.read_text())["tags"]]


def _sign_in(stack: LocalStack) -> str:
    names = ("email", "password")
    found = _call(stack, "/auth/login/", {name: stack.credentials[name] for name in names})
    token: str = found["tokens"]["access"]
    return token


def _call(
    stack: LocalStack, path: str, body: dict[str, str] | None = None, *, token: str | None = None
) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{stack.base_url}/api/v1{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {}),
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own address
        found: dict[str, Any] = json.load(answer)
        return found
