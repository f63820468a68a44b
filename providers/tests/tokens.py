"""A token store for one test."""

from onpoint_pay.kit.tokens import Fetch


class PlainTokens:
    """Keeps tokens in a dict for ever."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def get_or_fetch(self, key: str, fetch: Fetch) -> str:
        if key not in self.kept:
            self.kept[key], _ = fetch()
        return self.kept[key]

    def drop(self, key: str, token: str) -> None:
        if self.kept.get(key) == token:
            del self.kept[key]
