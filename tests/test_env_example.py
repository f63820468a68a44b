"""env.example against the code: every variable that is read has its line, its default and its meaning."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("onpoint_pay", "audit", "webhooks", "providers", "merchants", "settlements", "payments", "simulator", "deploy")
READERS = {"text", "boolean", "integer", "decimal", "items", "networks", "pem", "choice", "rate"}
LINE = re.compile(r"#?([A-Z][A-Z0-9_]*)=(.*)")
IN_COMPOSE = re.compile(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?")
NAME = re.compile(r"[A-Z][A-Z0-9_]+")


@dataclass(slots=True)
class Read:
    """One variable as the code reads it."""

    aliases: set[str] = field(default_factory=set)
    defaults: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Line:
    """One variable as env.example has it."""

    default: str
    meaning: str


def sources() -> Iterator[ast.Module]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "tests" not in path.parts:
                yield ast.parse(path.read_text())


def names_of(arguments: list[ast.expr]) -> list[str]:
    return [each.value for each in arguments if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def as_text(node: ast.expr | None) -> str | None:
    """A constant as one would write it into the file; None for one that is computed."""
    if not isinstance(node, ast.Constant):
        return None
    return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)


def source_of(call: ast.Call) -> str:
    """`env` of `env.text(...)`, `os.environ` of `os.environ.get(...)`."""
    return ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def read_by(call: ast.Call) -> tuple[list[str], ast.expr | None] | None:
    """The names a call reads, the first being the variable's own, and its default."""
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "default"), None)
    if called in READERS and source_of(call) == "env":
        kind = ast.Constant(value=False) if called == "boolean" else None
        return names_of(call.args), given or kind
    if called == "get" and re.search(r"environ(\(.*\))?$", source_of(call)):
        return names_of(call.args[:1]), call.args[1] if len(call.args) > 1 else None
    if called == "read_port":
        return names_of(call.args[1:2]), given
    if called == "_setting":
        return names_of(call.args[1:2]), call.args[0]
    return None


def read_by_python() -> dict[str, Read]:
    found: dict[str, Read] = {}
    for tree in sources():
        for node in ast.walk(tree):
            names, default = (isinstance(node, ast.Call) and read_by(node)) or ([], None)
            if names and NAME.fullmatch(names[0]):
                read = found.setdefault(names[0], Read())
                read.aliases |= set(names[1:])
                read.defaults |= {text for text in (as_text(default),) if text}
    return found


def read_by_compose() -> dict[str, Read]:
    found: dict[str, Read] = {}
    for name, default in IN_COMPOSE.findall((ROOT / "docker-compose.yml").read_text()):
        found.setdefault(name, Read()).defaults |= {default} - {""}
    return found


def read_at_all() -> dict[str, Read]:
    found = read_by_python()
    for name, read in read_by_compose().items():
        known = found.setdefault(name, Read())
        known.defaults |= read.defaults
    return found


def lines_of_the_example() -> dict[str, Line]:
    found: dict[str, Line] = {}
    meaning = ""
    for text in (ROOT / "env.example").read_text().splitlines():
        match = LINE.fullmatch(text)
        if match:
            assert match[1] not in found, f"{match[1]} has two lines"
            found[match[1]] = Line(default=match[2], meaning=meaning)
        meaning = "" if match or not text.startswith("# ") else text.removeprefix("# ")
    return found


def test_the_scan_sees_every_way_to_read() -> None:
    found = read_at_all()
    seen = {"SECRET_KEY", "DB_NAME", "WEB_THREADS", "ONPOINT_HOME", "SIMULATOR_SPEED", "SIMULATOR_HOST", "PORT"}
    assert seen | {"BASE_URL", "POSTGRES_PASSWORD", "RATE_LIMIT_API", "MPESA_DEBUG"} <= set(found)
    assert found["SECRET_KEY"].aliases == {"DJANGO_SECRET_KEY"}
    assert found["PORT"].defaults == {"8000"}


def test_every_variable_has_its_line() -> None:
    assert set(lines_of_the_example()) == set(read_at_all())


def test_every_line_says_what_the_variable_means() -> None:
    assert [name for name, line in lines_of_the_example().items() if len(line.meaning) < 8] == []


def test_aliases_are_mentioned() -> None:
    lines = lines_of_the_example()
    for name, read in read_at_all().items():
        for alias in read.aliases:
            assert alias in lines[name].meaning, f"{name} is also read as {alias}"


def test_defaults_are_those_of_the_code() -> None:
    lines = lines_of_the_example()
    for name, read in read_at_all().items():
        if read.defaults:
            assert {lines[name].default} == read.defaults, name


def test_sections_stand_in_the_order_of_the_settings() -> None:
    heading = re.compile(r"^# --- (.+?) -{5,}$", re.MULTILINE)
    settings = heading.findall((ROOT / "onpoint_pay" / "settings.py").read_text())
    example = heading.findall((ROOT / "env.example").read_text())
    assert [section for section in example if section in settings] == settings
