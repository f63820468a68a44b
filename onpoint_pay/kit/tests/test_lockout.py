"""Gates that shut after failed tries, at the store itself."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache, caches
from django.test import SimpleTestCase, override_settings

from merchants.tests.base import AWAY
from onpoint_pay.kit.lockout import Gate, StoreAway, forgive, knock, reopen
from onpoint_pay.kit.tests.travel import travel

LIMITS = settings.RATE_LIMITS | {"login": "2/1m", "code": "3/1m"}
DOOR, OTHER = Gate(policy="login", key="wanjiku@example.com"), Gate(policy="code", key="7")


@override_settings(RATE_LIMITS=LIMITS)
class Gates(SimpleTestCase):
    def setUp(self) -> None:
        self.clock: Any = self.enterContext(travel("2026-11-21T08:00:00Z", tick=False))
        cache.clear()

    def test_the_last_free_try_shuts_the_gate_behind_it(self) -> None:
        self.assertEqual((knock([DOOR]).wait, knock([DOOR]).shut), (0, (DOOR,)))
        self.assertEqual((knock([DOOR]).wait, knock([DOOR]).wait), (60, 60))
        self.clock.shift(timedelta(seconds=60))
        self.assertEqual(knock([DOOR]).wait, 0)
        self.assertEqual(knock([DOOR]).wait, 120)

    def test_a_try_at_a_shut_gate_is_counted_nowhere(self) -> None:
        for _ in range(2):
            knock([DOOR])
        for _ in range(10):
            self.assertEqual(knock([OTHER, DOOR]).wait, 60)
        self.assertEqual([knock([OTHER]).shut for _ in range(3)], [(), (), (OTHER,)])

    def test_a_good_try_is_as_if_it_had_not_been(self) -> None:
        for _ in range(5):
            knock([DOOR])
            forgive([DOOR])
        knock([DOOR])
        self.assertEqual(knock([DOOR]).shut, (DOOR,))
        forgive([DOOR])
        self.assertEqual(knock([DOOR]).wait, 0)

    def test_forgetting(self) -> None:
        for _ in range(2):
            knock([DOOR])
        reopen([DOOR])
        self.assertEqual(knock([DOOR]), knock([OTHER]))

    def test_a_server_that_has_lost_its_scripts(self) -> None:
        knock([DOOR])
        store: Any = caches["counters"]
        store._cache.get_client(write=True).script_flush()
        self.assertEqual(knock([DOOR]).shut, (DOOR,))
        store._cache.get_client(write=True).script_flush()
        forgive([DOOR])
        self.assertEqual(knock([DOOR]).wait, 0)

    def test_the_store_learns_no_address_and_forgets_by_itself(self) -> None:
        knock([DOOR])
        self.assertNotIn("wanjiku", DOOR.name)
        store: Any = caches["counters"]
        seconds = store._cache.get_client().ttl(store.make_key(DOOR.name))
        self.assertTrue(86_000 < seconds < 90_000, seconds)

    def test_without_the_store_nobody_gets_through(self) -> None:
        with override_settings(CACHES=AWAY | {"counters": AWAY["default"]}):
            for ask in (knock, forgive):
                with self.assertRaises(StoreAway):
                    ask([DOOR])
            reopen([DOOR])
        self.assertEqual(knock([DOOR]).wait, 0)
