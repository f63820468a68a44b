"""docs/security.md names a test for each promise: each is there under that name, and the page can be found."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = re.compile(r"`([a-z_/0-9]+\.py)::([A-Za-z0-9_]+)`")


def named_tests(path: Path, name: str) -> list[str]:
    """The tests of a class in a file, or the one function of that name."""
    text = path.read_text()
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and node.name == name:
            found += [item.name for item in node.body if isinstance(item, ast.FunctionDef) and "test_" in item.name[:5]]
            # Some classes get their tests from a table.
            found += re.findall(rf"setattr\({name}, f\"test_", text)
    return found


def test_every_test_it_names_is_there() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) > 35
    for file, name in named:
        assert (ROOT / file).is_file(), file
        assert named_tests(ROOT / file, name), f"{file}::{name}"


def test_every_threat_has_its_proof() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and line.count("|") >= 4]
    threats = [line for line in rows if not line.startswith(("| an attacker", "| ---"))]
    assert len(threats) > 25
    assert [line for line in threats if not NAMED.search(line)] == []


def test_it_can_be_found() -> None:
    assert "(docs/security.md)" in (ROOT / "README.md").read_text()
    assert "(docs/security.md)" in (ROOT / "SECURITY.md").read_text()
