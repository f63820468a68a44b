"""What belongs to another merchant or mode answers as what never was: words, headers, statements and counts."""

from collections.abc import Callable
from typing import Any

from merchants.models import Merchant
from merchants.permissions import ALL_SCOPES
from merchants.services.key_use import keep_requests
from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.ids import from_public, new_id
from payments.models import C2bReceipt
from tests import outsiders as rows
from tests.outsiders import CASES, NamedInBodyCase, ObjectCase, route_names
from tests.probe import OTHER_MODE, Headers, ProbeCase, Statements, filled, operations, seen

EVERY_SCOPE = frozenset(ALL_SCOPES)
# Filters that name an object: list, filter, what it names.
FILTERS: list[tuple[str, str, Callable[[Merchant, str], str]]] = [
    ("refunds", "payment", rows.payment),
    ("webhook-deliveries", "endpoint", rows.endpoint),
    ("webhook-deliveries", "event", rows.event),
    ("webhook-notices", "endpoint", rows.endpoint),
    ("payouts", "batch", rows.make_batch),
    ("payouts", "destination", rows.make_destination),
    ("payouts", "retry_of", rows.make_payout),
    ("ledger-entries", "account", rows.ledger_account),
    ("ledger-entries", "transfer", rows.ledger_transfer),
]
# Bodies that name a second object: route, what it names, the body.
BODIES: list[tuple[str, Callable[[Merchant, str], str], Callable[[str], dict[str, Any]]]] = [
    ("payouts", rows.make_destination, lambda name: {"amount": "10", "reason": "Till", "destination": {"id": name}}),
    ("c2b-receipt-match", rows.c2b_account, lambda name: {"account": name}),
    ("c2b-receipt-match", rows.open_payment, lambda name: {"payment": name}),
    ("c2b-claims", rows.c2b_account, lambda name: {"receipt": "UKM7654321", "account": name}),
    ("c2b-claims", rows.open_payment, lambda name: {"receipt": "UKM7654321", "payment": name}),
]
# A merchant has one of these for both modes: what is made in one is seen from the other, by its own people.
ONE_FOR_BOTH = (
    "team",
    "roles",
    "invitations",
    "sessions",
    "audit-records",
    "audit-verify",
    "audit-receipt",
    "merchant",
    "merchant-allowed-ips",
    "kyc",
    "kyc-documents",
    "privacy-erasures",
)


# Each look at them is written into the looker's own trail.
TRACED = ("kyc-documents",)


def another(name: str) -> str:
    """A name of the same make that nothing has."""
    return f"{name[:-6]}ZZZZZZ"


class OutsiderCase(ProbeCase):
    def setUp(self) -> None:
        super().setUp()
        self.warm: set[str] = set()

    def outsiders(self, mode: str, *, in_person: bool = False, both_modes: bool = False) -> dict[str, Headers]:
        """Everybody from whom what the shop has in this mode is hidden."""
        found = {"person of another merchant": self.stranger_person(mode)}
        if not both_modes:
            found["own person in the other mode"] = self.person("owner", OTHER_MODE[mode])
        if not in_person:
            found["key of another merchant"] = self.key(mode, EVERY_SCOPE, stranger=True)
            found["key of the other mode"] = self.key(OTHER_MODE[mode], EVERY_SCOPE)
        return found

    def assert_as_if_absent(
        self, ask: Callable[[str, Headers], Any], theirs: str, absent: str, headers: Headers, *, status: int = 404
    ) -> None:
        """The two answers are one, and so is what the database is asked."""
        if headers["Authorization"] not in self.warm:
            # Who asks is kept from now on.
            ask(absent, headers)
            self.warm.add(headers["Authorization"])
        with Statements() as for_absent:
            expected = ask(absent, headers)
        with Statements() as for_theirs:
            found = ask(theirs, headers)
        self.assertEqual(found.status_code, status, found.content)
        self.assertFalse(found.has_header("Location"))
        self.assertEqual(seen(found, theirs), seen(expected, absent))
        self.assertEqual(for_theirs.kinds, for_absent.kinds)


class Hidden(OutsiderCase):
    def test_every_object_in_a_path(self) -> None:
        for name, method, path in operations():
            case = CASES.get(name)
            if not isinstance(case, ObjectCase):
                continue
            for mode in MODES:
                for who, headers in self.outsiders(mode, in_person=case.in_person, both_modes=case.both_modes).items():
                    with self.subTest(route=name, method=method, mode=mode, who=who):
                        body = case.bodies.get(method)

                        def ask(named: str, headers: Headers, method=method, path=path, body=body) -> Any:  # type: ignore[no-untyped-def]  # noqa: ANN001
                            return self.ask(method, filled(path, named), headers, body)

                        self.assert_as_if_absent(ask, self.object_of(case.make, mode), case.nonsense(), headers)

    def test_every_object_in_a_body(self) -> None:
        for name, method, path in operations():
            case = CASES.get(name)
            if not isinstance(case, NamedInBodyCase):
                continue
            for mode in MODES:
                names = case.make(self.shop, mode)
                for who, headers in self.outsiders(mode).items():
                    for theirs in names:
                        with self.subTest(route=name, mode=mode, who=who, name=theirs):

                            def ask(named: str, headers: Headers, method=method, path=path, case=case) -> Any:  # type: ignore[no-untyped-def]  # noqa: ANN001
                                return self.ask(method, path, headers, case.body(named))

                            self.assert_as_if_absent(ask, theirs, another(theirs), headers)

    def test_every_second_object_in_a_body(self) -> None:
        paths = {name: path for name, path, _ in route_names()}
        for route, make, body in BODIES:
            for mode in MODES:
                theirs = self.object_of(make, mode)
                for who, (headers, merchant, own_mode) in self.keys_elsewhere(mode).items():
                    with self.subTest(route=route, mode=mode, who=who, name=theirs[:4]):
                        path = paths[route]
                        if "<" in path:
                            path = filled(path, rows.c2b_receipt(merchant, own_mode))

                        def ask(named: str, headers: Headers, path=path, body=body) -> Any:  # type: ignore[no-untyped-def]  # noqa: ANN001
                            return self.ask("post", path, headers | {"Idempotency-Key": new_id().hex}, body(named))

                        self.assert_as_if_absent(ask, theirs, another(theirs), headers)

    def test_a_receipt_of_others_is_claimed_like_one_that_nobody_knows(self) -> None:
        for mode in MODES:
            row = C2bReceipt.objects.get(id=from_public("c2b", rows.matched_c2b_receipt(self.shop, mode)))
            for who, (headers, merchant, own_mode) in self.keys_elsewhere(mode).items():
                with self.subTest(mode=mode, who=who):
                    account = rows.c2b_account(merchant, own_mode)
                    found = []
                    for receipt in ("UKM9999998", "UKM9999999", row.receipt):
                        with Statements() as asked:
                            answer = self.ask(
                                "post", "api/v1/c2b/claims/", headers, {"receipt": receipt, "account": account}
                            )
                        body = {
                            key: value
                            for key, value in answer.json().items()
                            if key not in ("id", "receipt", "created_at")
                        }
                        found.append((answer.status_code, body, asked.kinds))
                    self.assertEqual(found[2], found[1])
                    self.assertEqual(found[2][0], 201)

    def keys_elsewhere(self, mode: str) -> dict[str, tuple[Headers, Merchant, str]]:
        """Keys that may do all, with whose and what mode's they are."""
        return {
            "key of another merchant": (self.key(mode, EVERY_SCOPE, stranger=True), self.stranger, mode),
            "key of the other mode": (self.key(OTHER_MODE[mode], EVERY_SCOPE), self.shop, OTHER_MODE[mode]),
        }


class Lists(OutsiderCase):
    def test_a_filter_by_what_others_have_finds_what_a_filter_by_nothing_finds(self) -> None:
        paths = {name: path for name, path, _ in route_names()}
        for route, parameter, make in FILTERS:
            for mode in MODES:
                theirs = self.object_of(make, mode)
                for who, headers in self.outsiders(mode).items():
                    with self.subTest(route=route, filter=parameter, mode=mode, who=who):

                        def ask(named: str, headers: Headers, route=route, parameter=parameter) -> Any:  # type: ignore[no-untyped-def]  # noqa: ANN001
                            return self.ask("get", f"{paths[route]}?{parameter}={named}", headers)

                        self.assert_as_if_absent(ask, theirs, another(theirs), headers, status=200)

    def test_whatever_others_do_nothing_here_changes_and_nothing_counts_it(self) -> None:
        for mode in MODES:
            # Once for the sessions and keys that asking takes.
            self.everything_seen(mode)
            self.everything_seen(mode, traced=True)
        # What the first use of a key leaves in the trail is written with the calls.
        keep_requests()
        traced = {mode: self.everything_seen(mode, traced=True) for mode in MODES}
        before = {mode: self.everything_seen(mode) for mode in MODES}
        for mode in MODES:
            for case in CASES.values():
                if isinstance(case, NamedInBodyCase):
                    case.make(self.shop, mode)
                else:
                    self.object_of(case.make, mode)
            after = self.everything_seen(mode)
            for asked, answer in before[mode].items():
                with self.subTest(mode=mode, asked=asked):
                    self.assertEqual(after[asked], answer)
            before = {each: self.everything_seen(each) for each in MODES}
        for mode in MODES:
            self.assertEqual(self.everything_seen(mode, traced=True), traced[mode])

    def everything_seen(self, mode: str, *, traced: bool = False) -> dict[tuple[str, str], Any]:
        """What outsiders to this mode see on every route that names nothing, totals included."""
        found = {}
        for name, method, path in operations():
            if method != "get" or "<" in path or name in ("health-live", "health-ready", "status"):
                continue
            if traced != (name in TRACED):
                continue
            for who, headers in self.outsiders(mode).items():
                if not (who.startswith("own person") or who == "key of the other mode") or name not in ONE_FOR_BOTH:
                    query = "?include=total" if name in ("payments", "payment-transactions") else ""
                    with Statements() as asked:
                        answer = self.ask("get", path + query, headers)
                    found[name, who] = (seen(answer, ""), len(asked.kinds))
        return found
