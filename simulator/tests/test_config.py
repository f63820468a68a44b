"""Settings from the environment."""

from __future__ import annotations

import subprocess
import sys

import pytest

from simulator.config import InvalidSetting, Settings, describe_environment


def test_defaults() -> None:
    assert Settings.from_env({}) == Settings()
    assert Settings().shortcode == "174379"


def test_environment_and_overrides() -> None:
    environ = {"SIMULATOR_SPEED": "60", "SIMULATOR_STRICT_URLS": "yes", "SIMULATOR_BOOK": "a", "PATH": "x"}
    assert Settings.from_env(environ, book="b") == Settings(speed=60.0, strict_urls=True, book="b")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SIMULATOR_SPEED", "0"),
        ("SIMULATOR_SPEED", "fast"),
        ("SIMULATOR_SPEED", "nan"),
        ("SIMULATOR_APPROVE_SECONDS", "-1"),
        ("SIMULATOR_STRICT_URLS", "maybe"),
    ],
)
def test_bad_values_name_their_variable(name: str, text: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        Settings.from_env({name: text})


def test_help_names_every_variable() -> None:
    command = [sys.executable, "-m", "simulator", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own command
    assert describe_environment() in shown
