"""Celery's door: each job calls one service."""

from celery import shared_task

from settlements.services import daily_proofs, settling, statements


@shared_task(name="settlements.settle")
def settle_day() -> None:
    settling.settle()


@shared_task(name="settlements.keep_statements")
def keep_statements() -> None:
    statements.keep_statements()


@shared_task(name="settlements.carry_on")
def carry_on_settlements() -> None:
    settling.carry_on()


@shared_task(name="settlements.prove_morning")
def prove_morning() -> None:
    daily_proofs.prove_morning()
