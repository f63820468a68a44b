"""Finds secrets in the files of a repository: our own formats, Safaricom's, and those of the usual services."""

import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

SHORTEST_REASON = 20
# What stands for a secret in an example has no digit, or is one letter again and again.
FEWEST_LETTERS = 10

# rule: pattern; the group `secret`, where there is one, is what must look random.
RULES: dict[str, re.Pattern[str]] = {
    "api-key": re.compile(r"(?<![0-9A-Za-z])(?:sk|rk|pk)_(?:live|test)_[0-9A-Za-z]{24,}"),
    "webhook-secret": re.compile(r"whsec_[0-9A-Za-z+/]{32,}={0,2}"),
    "private-key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    "encryption-key": re.compile(
        r"(?<![0-9A-Za-z])[A-Za-z][0-9A-Za-z_-]{0,15}:(?P<secret>[0-9A-Za-z+/]{43}=)(?![0-9A-Za-z+/=])"
    ),
    "daraja-passkey": re.compile(r"(?i)pass[_-]?key[\"']?\s*[:=]\s*[\"']?(?P<secret>[0-9a-f]{64})(?![0-9a-f])"),
    "daraja-consumer": re.compile(
        r"(?i)consumer[_-]?(?:key|secret)[\"']?\s*[:=]\s*[\"']?(?P<secret>[0-9A-Za-z]{28,72})(?![0-9A-Za-z_-])"
    ),
    "daraja-credential": re.compile(r"(?<![0-9A-Za-z+/])(?P<secret>[0-9A-Za-z+/]{342}==)(?!=)"),
    "aws-key": re.compile(r"(?<![0-9A-Z])(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Z])"),
    "aws-secret": re.compile(
        r"(?i)aws.{0,20}(?:secret|key).{0,20}[:=]\s*[\"']?(?P<secret>[0-9A-Za-z/+]{40})(?![0-9A-Za-z/+=])"
    ),
    "web-token": re.compile(r"eyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{32,}"),
    "github-token": re.compile(r"(?<![0-9A-Za-z])gh[pousr]_[0-9A-Za-z]{36}"),
    "google-key": re.compile(r"(?<![0-9A-Za-z])AIza[0-9A-Za-z_-]{35}"),
    "slack-token": re.compile(r"xox[abeoprs]-[0-9A-Za-z-]{20,}"),
    "flutterwave-key": re.compile(r"FLWSECK(?:_TEST)?-[0-9A-Za-z]{20,}"),
    "django-key": re.compile(r"(?i)(?:secret_key|pepper)[\"']?\s*[:=]\s*[\"']?(?P<secret>[0-9a-f]{40,})(?![0-9a-f])"),
    "password-in-url": re.compile(r"[a-z][a-z0-9+]{2,}://[^\s:/@\"']*:(?P<secret>[0-9A-Za-z_-]{20,})@"),
}


class AllowanceInvalid(Exception):
    """A line of the list of allowances cannot be read or gives no reason; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One secret in a file. The secret itself is not kept: what is printed may end up in a log."""

    rule: str
    path: str
    line: int
    digest: str

    @property
    def allowance(self) -> tuple[str, str, str]:
        return self.rule, self.path, self.digest

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule} ({self.digest})"


def scan_text(text: str, path: str) -> Iterator[Finding]:
    """Every secret in the text, in the order of the rules."""
    for rule, pattern in RULES.items():
        for match in pattern.finditer(text):
            if _looks_random(match.groupdict().get("secret")):
                digest = sha256(match[0].encode()).hexdigest()[:12]
                yield Finding(rule=rule, path=path, line=text.count("\n", 0, match.start()) + 1, digest=digest)


def scan_files(root: Path, paths: Iterable[str]) -> list[Finding]:
    """Every secret in these files below `root`; what is no file any more is passed over."""
    found: list[Finding] = []
    for path in paths:
        place = root / path
        if place.is_file() and not place.is_symlink():
            # Every byte is a letter in Latin-1, so that no file is too odd to be read.
            found += scan_text(place.read_text(encoding="latin-1"), path)
    return found


def files_of_repository(root: Path) -> list[str]:
    """What is tracked, and what would be with the next `git add`. Raises CalledProcessError outside a checkout."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True)  # noqa: S603
    return sorted({name for name in listed.stdout.decode().split("\0") if name})


def read_allowances(text: str) -> dict[tuple[str, str, str], str]:
    """Lines of `rule path digest reason`. Raises AllowanceInvalid."""
    allowed: dict[tuple[str, str, str], str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        rule, path, digest, reason = (*line.split(None, 3), "", "", "", "")[:4]
        if rule not in RULES or len(reason) < SHORTEST_REASON:
            raise AllowanceInvalid(f"line {number}: write `rule path digest reason`, with a reason in words.")
        allowed[rule, path, digest] = reason
    return allowed


def _looks_random(secret: str | None) -> bool:
    if secret is None:
        return True
    has_both = any(letter.isdigit() for letter in secret) and any(letter.isalpha() for letter in secret)
    return has_both and len(set(secret)) >= FEWEST_LETTERS
