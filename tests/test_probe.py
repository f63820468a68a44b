"""Every route by every role, kind of key, mode and stranger: what the contract says, in every cell."""

from typing import Any

from django.http import HttpResponse

from merchants.permissions import ALL_SCOPES
from onpoint_pay.kit.caller import MODES
from tests.outsiders import CASES, ObjectCase, route_names
from tests.probe import Headers, ProbeCase, everything_but, filled, nobody_of, operations, seen
from tests.probe_table import LET_IN, NO_KEY, NOT_USUAL, ROLES, Right, open_routes, rights

RIGHTS = rights()
USUAL = set(ALL_SCOPES) - NOT_USUAL


class TheTable(ProbeCase):
    def test_it_names_every_route_once(self) -> None:
        names = {name for name, _, _ in route_names()}
        found = {(name, method) for name, method, _ in operations() if name not in open_routes()}
        self.assertEqual(found, set(RIGHTS))
        self.assertLessEqual(set(open_routes()), names)
        self.assertEqual(names, {name for name, _ in RIGHTS} | set(open_routes()))


class Cells(ProbeCase):
    """Whoever is let in asks for what is not there, or says nothing: the answer shows that, and changes nothing."""

    def test_every_role_on_every_route_in_both_modes(self) -> None:
        for name, method, path in closed():
            right = RIGHTS[name, method]
            for mode in MODES:
                for role in ROLES:
                    with self.subTest(route=name, method=method, mode=mode, role=role):
                        answer = self.ask(
                            method, self.path_of(name, path), self.person_at(name, role, mode), body_of(name, method)
                        )
                        if right.lets_in_person(role, mode):
                            self.assert_let_in(answer, name, method)
                        else:
                            self.assert_problem(answer, 403, "insufficient_scope")

    def test_every_kind_of_key_on_every_route_in_both_modes(self) -> None:
        for name, method, path in closed():
            right = RIGHTS[name, method]
            for mode in MODES:
                for kind, scopes in kinds_of_key(right).items():
                    with self.subTest(route=name, method=method, mode=mode, key=kind):
                        named = self.path_of(name, path, theirs=mode if right.in_person else None)
                        answer = self.ask(method, named, self.key(mode, scopes), body_of(name, method))
                        self.assert_key_heard(
                            answer, right, USUAL if scopes is None else scopes, name=name, method=method
                        )

    def assert_key_heard(self, answer: HttpResponse, right: Right, scopes: Any, *, name: str, method: str) -> None:
        if right.lets_in_key(scopes):
            self.assert_let_in(answer, name, method)
        elif right.scope in scopes:
            self.assert_problem(answer, 403, "permission_denied")
        else:
            found = self.assert_problem(answer, 403, "insufficient_scope")
            self.assertTrue(right.scope in (found["required_scope"], NO_KEY))

    def test_whoever_has_no_place_here_hears_only_that(self) -> None:
        for name, method, path in closed():
            for mode in MODES:
                with self.subTest(route=name, method=method, mode=mode):
                    named = self.path_of(name, path)
                    answer = self.ask(method, named, self.placeless(mode), body_of(name, method))
                    self.assert_problem(answer, 403, "permission_denied")
            with self.subTest(route=name, method=method):
                answer = self.ask(method, self.path_of(name, path), {}, body_of(name, method))
                self.assert_problem(answer, 401, "authentication_required")

    def test_at_open_doors_a_credential_changes_nothing(self) -> None:
        for name, path, methods in route_names():
            if name in open_routes():
                for method in methods or ["get" if name in ("schema", "docs") else "post"]:
                    with self.subTest(route=name, method=method):
                        plain = seen(self.ask(method, filled(path, "x"), {}), "")
                        self.assertNotEqual(plain["status"], 403)
                        for headers in (
                            (self.key("live"),)
                            if name == "schema"
                            else (self.key("live"), self.person("viewer", "test"))
                        ):
                            self.assertEqual(seen(self.ask(method, filled(path, "x"), headers), ""), plain)

    def path_of(self, name: str, path: str, *, theirs: str | None = None) -> str:
        """The path to nothing, or to what the shop has in the mode of `theirs`."""
        case = CASES.get(name)
        if theirs and isinstance(case, ObjectCase):
            return filled(path, self.object_of(case.make, theirs))
        return filled(path, nobody_of(name))

    def person_at(self, name: str, role: str, mode: str) -> Headers:
        """At the door that ends all sessions somebody else of the role, who is not missed."""
        return self.somebody(role, mode) if name == "logout-all" else self.person(role, mode)

    def assert_let_in(self, answer: HttpResponse, name: str, method: str) -> None:
        usual = 404 if isinstance(CASES.get(name), ObjectCase) else 200 if method == "get" else 400
        status, code = LET_IN.get(f"{method} {name}") or LET_IN.get(name, (usual, ""))
        self.assertEqual(answer.status_code, status, answer.content)
        if code:
            self.assertEqual(answer.json()["code"], code)


def closed() -> list[tuple[str, str, str]]:
    return [each for each in operations() if each[0] not in open_routes()]


def kinds_of_key(right: Right) -> dict[str, frozenset[str] | None]:
    if not right.scope:
        return {"sk": None, "rk with every scope": frozenset(ALL_SCOPES)}
    return {
        "sk": None,
        "rk with the scope": frozenset({right.scope}),
        "rk with all but the scope": everything_but(right.scope),
    }


def body_of(name: str, method: str) -> Any:
    case = CASES.get(name)
    return case.bodies.get(method) if isinstance(case, ObjectCase) else None
