"""Which URLs may be named."""

from django.test import SimpleTestCase

from onpoint_pay.kit.errors import Problem
from webhooks.addresses import check_url

PRIVATE = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://10.0.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://0.0.0.0/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://shop.localhost/",
    "http://db.internal/",
]
NONSENSE = [
    "",
    "shop.example/webhooks",
    "/webhooks",
    "ftp://shop.example/",
    "javascript:alert(1)",
    "https://",
    "https:///path",
    "https://user:pass@shop.example/",
    "https://user@shop.example/",
    "https://@shop.example/",
    "https://shop.example:0/",
    "https://shop.example:99999/",
    "https://shop.example:port/",
    "https://shop .example/",
    "https://shop.example/\r\nX-Evil: 1",
    "https://shop.example\\@127.0.0.1/",
    "https://[::1/",
    "https://a..example/",
    f"https://{'a' * 64}.example/",
    "https://shop.example/" + "a" * 2048,
    "https://shop.example/" + "ũ" * 1100,
]


def code_of(url: str, *, mode: str = "test", allow_private: bool = False) -> str | None:
    try:
        check_url(url, mode=mode, allow_private=allow_private, param="callback_url")
    except Problem as problem:
        assert problem.param == "callback_url"
        return problem.code
    return None


class Urls(SimpleTestCase):
    def test_takes_public_ones(self) -> None:
        for url in ("https://shop.example/webhooks?shop=1", "https://shop.example:8443/", "https://41.90.0.1/"):
            for mode in ("live", "test"):
                self.assertIsNone(code_of(url, mode=mode), url)

    def test_takes_plain_http_in_test_mode_only(self) -> None:
        for url in ("http://shop.example/", "http://shop.example:80/"):
            self.assertIsNone(code_of(url))
            self.assertEqual(code_of(url, mode="live"), "callback_url_invalid")

    def test_refuses_what_is_no_such_url(self) -> None:
        for url in NONSENSE:
            for allow_private in (False, True):
                self.assertEqual(code_of(url, allow_private=allow_private), "callback_url_invalid", url)

    def test_refuses_other_ports(self) -> None:
        for url, mode in [
            ("https://shop.example:22/", "live"),
            ("https://shop.example:80/", "live"),
            ("http://shop.example:6379/", "test"),
        ]:
            self.assertEqual(code_of(url, mode=mode), "callback_url_forbidden", url)

    def test_refuses_private_hosts_in_any_spelling(self) -> None:
        for url in PRIVATE:
            self.assertEqual(code_of(url), "callback_url_forbidden", url)
            self.assertEqual(code_of(url.replace("http:", "https:"), mode="live"), "callback_url_forbidden", url)

    def test_a_developers_machine_may_lift_ports_and_hosts(self) -> None:
        for url in [*PRIVATE, "http://127.0.0.1:8001/", "http://shop.example:6379/"]:
            self.assertIsNone(code_of(url, allow_private=True), url)
