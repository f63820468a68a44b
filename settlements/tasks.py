"""Celery's door: each job calls one service."""

from celery import shared_task

from settlements.services import settling


@shared_task(name="settlements.settle")
def settle_day() -> None:
    settling.settle()


@shared_task(name="settlements.carry_on")
def carry_on_settlements() -> None:
    settling.carry_on()
