"""The Postman collection: well formed, tested request by request, and about addresses that exist.

That its tests pass is asked by `make postman`, which runs it with newman against the whole product.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import Resolver404, ResolverMatch, resolve
from drf_spectacular.generators import SchemaGenerator

from simulator import control_money, control_shortcodes

FOLDER = Path(__file__).resolve().parent.parent / "postman"
V21 = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
USED = re.compile(r"\{\{([A-Za-z]+)\}\}")
KEPT = re.compile(r'pm\.collectionVariables\.set\("(\w+)"')
LOOKED_UP = re.compile(r'pm\.(?:collectionVariables|environment)\.get\("(\w+)"')
# The one request that asks for nothing.
NOTHING_THERE = "An address that does not exist"
GATEWAY, SIMULATOR = "{{baseUrl}}", "{{simulatorUrl}}"
# Where the collection plays the payer and the operator.
CONTROL = {
    (method, route.path)
    for route in (*control_money.routes, *control_shortcodes.routes)
    for method in route.methods or ()
}


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return found


@pytest.fixture(scope="module")
def collection() -> dict[str, Any]:
    return load("OnPoint-Pay.postman_collection.json")


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    found = load("OnPoint-Pay-local.postman_environment.json")
    assert found["_postman_variable_scope"] == "environment"
    assert all(value["enabled"] for value in found["values"])
    return {value["key"]: value["value"] for value in found["values"]}


def requests_of(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in node["item"]:
        if "item" in item:
            yield from requests_of(item)
        else:
            yield item


def gateway_requests(collection: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in requests_of(collection) if item["request"]["url"]["host"] == [GATEWAY]]


def script_of(item: dict[str, Any], kind: str) -> str:
    return "\n".join(line for event in item["event"] if event["listen"] == kind for line in event["script"]["exec"])


def path_of(item: dict[str, Any]) -> str:
    return "/api/v1/" + USED.sub("x", "/".join(item["request"]["url"]["path"]))


def view_of(method: str, path: str) -> str:
    """The name of the route that serves it. Raises Resolver404, and AssertionError for a method nobody answers."""
    match: ResolverMatch = resolve(path)
    actions = getattr(match.func, "actions", None) or {"get": "get"}
    assert method.lower() in actions, f"{method} {path}"
    return f"{method} {match.url_name}"


def test_it_is_a_collection_of_version_2_1(collection: dict[str, Any]) -> None:
    assert collection["info"]["schema"] == V21
    assert collection["info"]["name"] == "OnPoint Pay"
    assert collection["auth"]["type"] == "bearer"
    for item in requests_of(collection):
        request = item["request"]
        assert set(item) == {"name", "event", "request", "response"}
        assert request["method"] in ("GET", "POST", "PATCH", "DELETE")
        assert all(set(header) == {"key", "value"} for header in request["header"])
        if "body" in request:
            assert request["body"]["mode"] == "raw"
            headers = {header["key"]: header["value"] for header in request["header"]}
            if headers["Content-Type"].startswith("multipart/form-data; boundary="):
                # Files lie in the collection itself, so that it needs no other.
                line = headers["Content-Type"].partition("boundary=")[2]
                assert request["body"]["raw"].startswith(f"--{line}\r\n")
                assert request["body"]["raw"].endswith(f"\r\n--{line}--\r\n")
            else:
                assert isinstance(json.loads(request["body"]["raw"]), dict)


def test_addresses_agree_with_their_parts(collection: dict[str, Any]) -> None:
    for item in requests_of(collection):
        url = item["request"]["url"]
        query = "&".join(f"{pair['key']}={pair['value']}" for pair in url.get("query", []))
        whole = "/".join([*url["host"], *url["path"]]) + (f"?{query}" if query else "")
        assert (len(url["host"]), url["raw"]) == (1, whole)
        assert url["host"][0] in (GATEWAY, SIMULATOR)


def test_names_are_unique_for_jumps(collection: dict[str, Any]) -> None:
    names = [item["name"] for item in requests_of(collection)]
    assert len(set(names)) == len(names)


def test_every_request_asserts_its_status(collection: dict[str, Any]) -> None:
    for item in requests_of(collection):
        script = script_of(item, "test")
        assert script.count("pm.test(") >= 2, item["name"]
        assert re.search(r"pm\.response\.to\.have\.status\(\d{3}\)", script), item["name"]


def test_every_address_exists(collection: dict[str, Any]) -> None:
    for item in gateway_requests(collection):
        if item["name"] == NOTHING_THERE:
            with pytest.raises(Resolver404):
                resolve(path_of(item))
        else:
            view_of(item["request"]["method"], path_of(item))


def test_the_simulator_is_only_played_with_and_learns_no_key(collection: dict[str, Any]) -> None:
    items = [item for item in requests_of(collection) if item["request"]["url"]["host"] == [SIMULATOR]]
    assert items
    for item in items:
        request = item["request"]
        assert (request["method"], "/" + "/".join(request["url"]["path"])) in CONTROL
        assert request["auth"] == {"type": "noauth"}


def test_every_operation_of_the_api_is_there(collection: dict[str, Any]) -> None:
    document = SchemaGenerator().get_schema(request=None, public=True)
    wanted = {
        view_of(method.upper(), re.sub(r"\{\w+\}", "x", path))
        for path, operations in document["paths"].items()
        for method in operations
    }
    items = [item for item in gateway_requests(collection) if item["name"] != NOTHING_THERE]
    assert wanted <= {view_of(item["request"]["method"], path_of(item)) for item in items}


def test_variables_are_declared_and_used(collection: dict[str, Any], environment: dict[str, str]) -> None:
    declared = {variable["key"] for variable in collection["variable"]}
    text = json.dumps([collection["auth"], collection["item"]])
    scripts = "\n".join(script_of(item, kind) for item in requests_of(collection) for kind in ("test", "prerequest"))
    kept = set(KEPT.findall(scripts))
    used = set(USED.findall(text)) | set(LOOKED_UP.findall(scripts))
    assert kept == declared
    assert used == declared | set(environment)


def test_it_starts_without_a_secret_and_without_another_host(
    collection: dict[str, Any], environment: dict[str, str]
) -> None:
    assert environment["baseUrl"] == "http://127.0.0.1:8000/api/v1"
    assert environment["simulatorUrl"] == "http://127.0.0.1:9000"
    assert {variable["value"] for variable in collection["variable"]} == {"", "0"}
    text = json.dumps([collection["item"], environment])
    assert set(re.findall(r"https?://([^/:\"]+)", text)) == {"127.0.0.1"}
    assert not re.search(r"[sr]k_(test|live)_\w", text)
