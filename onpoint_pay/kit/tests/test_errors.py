"""The table of error codes: whole, in order, and the only source of what a problem says."""

from django.test import SimpleTestCase

from onpoint_pay.kit.errors import CODES, RETRYABLE, NotFound, Problem, RateLimited

# What RFC 9110 and RFC 9457 give names to, and this API uses.
STATUSES = {400, 401, 402, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429, 500, 502, 503}


class Codes(SimpleTestCase):
    def test_each_is_whole(self) -> None:
        for code, (status, title, advice) in CODES.items():
            with self.subTest(code=code):
                self.assertRegex(code, r"^[a-z0-9_]+$")
                self.assertIn(status, STATUSES)
                self.assertRegex(title, r"^[A-Z].*[^.]$")
                self.assertTrue(advice is None or advice.endswith((".", ":", "/", '"')), advice)

    def test_what_may_be_repeated(self) -> None:
        self.assertLessEqual(RETRYABLE, set(CODES))
        self.assertTrue(all(CODES[code][0] in (409, 429, 500, 503) for code in RETRYABLE))
        self.assertNotIn("provider_error", RETRYABLE)

    def test_a_problem_takes_everything_from_its_code(self) -> None:
        problem = Problem("amount_not_whole")
        self.assertEqual((problem.http_status, problem.title), (400, "The amount must be whole shillings"))
        self.assertEqual(problem.detail, "The amount must be whole shillings.")
        self.assertEqual((problem.retryable, problem.faults, problem.extra), (False, (), {}))
        self.assertEqual(str(problem), "amount_not_whole: The amount must be whole shillings.")

    def test_a_code_nobody_knows(self) -> None:
        with self.assertRaises(KeyError):
            Problem("no_such_code")

    def test_the_family(self) -> None:
        self.assertEqual((NotFound().code, NotFound().http_status), ("resource_missing", 404))
        limited = RateLimited(retry_after_seconds=5)
        self.assertEqual((limited.http_status, limited.retry_after_seconds, limited.retryable), (429, 5, True))
