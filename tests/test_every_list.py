"""Every list of the API alike: pages there and back again, counted when asked, and sorted as it says."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.outsiders import CASES, ListCase, route_names
from tests.test_outsiders import OutsiderTestCase


class EveryList(OutsiderTestCase):
    def lists(self) -> list[tuple[str, ListCase]]:
        found = [(path, CASES[name]) for name, path, _ in route_names() if isinstance(CASES.get(name), ListCase)]
        self.assertGreater(len(found), 20)
        return found  # type: ignore[return-value]

    def page(self, path: str, headers: dict[str, str], **query: Any) -> dict[str, Any]:
        answer = self.client.get(f"/{path}", query, headers=headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        found: dict[str, Any] = answer.json()
        links = [urlsplit(link.split(">")[0].lstrip("<")) for link in answer.get("Link", "").split(", ") if link]
        cursors = [cursor for cursor in (found["next_cursor"], found["previous_cursor"]) if cursor]
        self.assertEqual([dict(parse_qsl(link.query))["cursor"] for link in links], cursors)
        return found

    def test_there_and_back_again_and_how_many(self) -> None:
        for path, case in self.lists():
            for _ in range(3):
                case.make(self.owner, "test")
            headers = self.insider("test", in_person=case.in_person)
            whole = self.page(path, headers, limit=100, include="total")
            with self.subTest(path):
                self.assertEqual((whole["total"], whole["total_is_estimate"]), (len(whole["data"]), False))
                self.assertEqual((whole["next_cursor"], whole["previous_cursor"]), (None, None))
                there = [self.page(path, headers, limit=2)]
                self.assertNotIn("total", there[0])
                while there[-1]["next_cursor"]:
                    there.append(self.page(path, headers, limit=2, cursor=there[-1]["next_cursor"]))
                self.assertEqual([row["id"] for page in there for row in page["data"]], self.ids(whole))
                back = [there[-1]]
                while back[-1]["previous_cursor"]:
                    back.append(self.page(path, headers, limit=2, cursor=back[-1]["previous_cursor"]))
                self.assertEqual([self.ids(page) for page in back[::-1]], [self.ids(page) for page in there])

    def test_what_is_no_order_and_no_member(self) -> None:
        for path, case in self.lists():
            headers = self.insider("test", in_person=case.in_person)
            with self.subTest(path):
                for query in ({"sort": "colour"}, {"include": "everything"}, {"include": ""}):
                    answer = self.client.get(f"/{path}", query, headers=headers)
                    self.assertEqual(self.assert_problem(answer, 400, "parameter_invalid")["param"], next(iter(query)))

    def test_each_order_that_is_offered(self) -> None:
        for path, case in self.lists():
            for _ in range(2):
                case.make(self.owner, "test")
            headers = self.insider("test", in_person=case.in_person)
            for field in ("created_at", "opened_at", "received_at", "occurred_at", "amount"):
                answer = self.client.get(f"/{path}", {"sort": field}, headers=headers)
                if answer.status_code == 400:
                    continue
                with self.subTest(path, field=field):
                    down = self.page(path, headers, sort=f"-{field}")
                    self.assertEqual(self.ids(down), [row["id"] for row in answer.json()["data"]][::-1])

    def ids(self, page: dict[str, Any]) -> list[str]:
        return [row["id"] for row in page["data"]]
