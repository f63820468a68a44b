"""What keeps a configuration from serving, and the gate before a server starts that refuses such a one."""

import ipaddress
import sys
from pathlib import Path
from urllib.parse import urlsplit

from merchants.states import KYC_DOCUMENT_TYPES
from onpoint_pay import settings


def refuse_unfit_configuration() -> None:
    """Exit with status 78 (configuration error) and one line per problem; say nothing when all is well."""
    problems = problems_before_start()
    if problems:
        sys.stderr.write("OnPoint Pay does not start:\n" + "".join(f"  - {problem}\n" for problem in problems))
        raise SystemExit(78)


def problems_before_start(*, even_here: bool = False) -> list[str]:
    """What keeps this configuration from serving, each with its mend, beginning with the variable; empty when it may.

    What only strangers could abuse is let pass on a developer's own machine, unless `even_here`.
    """
    found = []
    if not settings.SECRET_KEY_IS_SET or len(settings.SECRET_KEY) < 40:
        found.append("SECRET_KEY is missing or shorter than 40 characters: set it to a long random text.")
    if not settings.ENCRYPTION_KEYS:
        found.append("ENCRYPTION_KEYS is missing: set it to `k1:` followed by the base64 of 32 random bytes.")
    if settings.WEBHOOK_ATTEMPTS_KEPT_DAYS < 7:
        found.append("WEBHOOK_ATTEMPTS_KEPT_DAYS must be 7 or more.")
    if settings.WEBHOOK_RECOVER_PER_SECOND <= 0:
        found.append("WEBHOOK_RECOVER_PER_SECOND must be more than 0.")
    found += _problems_of_kyc()
    if not even_here and (settings.DEBUG or all(_is_loopback(host) for host in settings.ALLOWED_HOSTS)):
        return found
    if "*" in settings.ALLOWED_HOSTS:
        found.append("ALLOWED_HOSTS may not be '*': name the hosts that serve this installation.")
    if urlsplit(settings.BASE_URL).scheme != "https":
        found.append("BASE_URL must begin with https:// : providers and merchants call it over the open network.")
    if settings.WEBHOOK_ALLOW_PRIVATE:
        found.append("WEBHOOK_ALLOW_PRIVATE must be off outside a developer's own machine.")
    return found + _problems_of_proxies()


def _problems_of_kyc() -> list[str]:
    found = []
    if unknown := sorted(set(settings.KYC_REQUIRED) - set(KYC_DOCUMENT_TYPES)):
        found.append(f"KYC_REQUIRED names {', '.join(unknown)}: known are {', '.join(KYC_DOCUMENT_TYPES)}.")
    if settings.STATIC_ROOT and settings.KYC_ROOT.resolve().is_relative_to(Path(settings.STATIC_ROOT).resolve()):
        found.append("KYC_ROOT must not lie in STATIC_ROOT: everything in there is served to everybody.")
    scanner = urlsplit(settings.UPLOAD_SCANNER)
    if settings.UPLOAD_SCANNER and not (
        (scanner.scheme == "tcp" and scanner.hostname and scanner.port) or (scanner.scheme == "unix" and scanner.path)
    ):
        found.append(
            "UPLOAD_SCANNER must be tcp://host:port or unix:///path: without a scanner it names, no file is taken."
        )
    return found


def _problems_of_proxies() -> list[str]:
    found = []
    if any(network.prefixlen == 0 for network in settings.TRUSTED_PROXIES):
        found.append("TRUSTED_PROXIES may not hold every address: name the networks of your own proxies.")
    proxy = urlsplit(settings.WEBHOOK_EGRESS_PROXY)
    if settings.WEBHOOK_EGRESS_PROXY and (proxy.scheme != "http" or not proxy.hostname):
        found.append("WEBHOOK_EGRESS_PROXY must look like http://proxy.internal:3128.")
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in ("localhost", "testserver", ".localhost")
