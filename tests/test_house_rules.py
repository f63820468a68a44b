"""House rules that imports cannot express, checked on the syntax of every file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("onpoint_pay", "audit", "webhooks", "providers", "merchants", "settlements", "payments", "simulator")
FILE_LINES = 400
FUNCTION_LINES = 60
TRANSACTION_WORDS = {"atomic", "select_for_update"}
MAY_OPEN_TRANSACTIONS = ("services", "kit", "idempotency.py", "tests", "management")
WRITES = {"save", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
PROVIDER_WORDS = ("CheckoutRequestID", "ResultCode", "MpesaReceiptNumber", "stkCallback", "BusinessShortCode")


def sources(*, tests: bool = False) -> Iterator[tuple[Path, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" in path.parts or ("tests" in path.parts and not tests):
                continue
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def faults(found: list[str]) -> None:
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_every_module_says_what_lives_there() -> None:
    faults([str(path) for path, tree in sources(tests=True) if tree.body and not ast.get_docstring(tree)])


def test_files_and_functions_stay_small() -> None:
    found = []
    for path, tree in sources(tests=True):
        lines = len((ROOT / path).read_text().splitlines())
        if lines > FILE_LINES:
            found.append(f"{path}: {lines} lines")
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_LINES and "tests" not in path.parts:
                    found.append(f"{path}:{node.lineno} {node.name}: {length} lines")
    faults(found)


def test_no_signal_receivers() -> None:
    found = []
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django.db.models.signals"):
                found.append(f"{path}:{node.lineno}")
            if isinstance(node, ast.ImportFrom) and (node.module or "") == "django.dispatch":
                found.append(f"{path}:{node.lineno}")
    faults(found)


def test_transactions_are_opened_in_services_only() -> None:
    found = []
    for path, tree in sources():
        if any(part in MAY_OPEN_TRANSACTIONS for part in path.parts) or path.name == "services.py":
            continue
        for node in ast.walk(tree):
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)
            if name in TRANSACTION_WORDS:
                found.append(f"{path}:{node.lineno} {name}")
    faults(found)


def test_views_write_nothing() -> None:
    found = []
    for path, tree in sources():
        if path.name not in ("views.py", "callback_views.py", "tasks.py"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
                found.append(f"{path}:{node.lineno} {node.func.attr}")
    faults(found)


def test_tasks_are_short() -> None:
    found = []
    for path, tree in sources():
        if path.name == "tasks.py":
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 10:
                    found.append(f"{path}:{node.lineno} {node.name}")
    faults(found)


def test_provider_words_stay_in_their_folder() -> None:
    found = []
    for path, _ in sources():
        if path.parts[0] in ("providers", "simulator"):
            continue
        text = (ROOT / path).read_text()
        found += [f"{path}: {word}" for word in PROVIDER_WORDS if word in text]
    faults(found)
