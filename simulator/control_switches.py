"""The control API over behaviour: tokens, speed, faults, outcome mix, phones in hand, reset."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.control import ControlError, control_body, required_text
from simulator.engine import Simulator
from simulator.faults import InvalidRegime, Regime
from simulator.inbound import simulator_of
from simulator.listing import count_faults
from simulator.matrix import describe_matrix, expand_regime
from simulator.outcomes import OutcomeMix
from simulator.prompts import hold_phone, resume
from simulator.queries import heal_outages

_PHONE = re.compile(r"254[17][0-9]{8}")
_NO_CONTENT = 204


async def end_tokens(request: Request) -> Response:
    """Every access token given so far is dead from now on."""
    simulator_of(request).book.kill_tokens()
    return Response(status_code=_NO_CONTENT)


async def set_speed(request: Request) -> Response:
    """`{"speed"?, "approve_seconds"?, "result_seconds"?}`; `speed` also moves waits under way, the others new ones."""
    simulator, body = simulator_of(request), await control_body(request)
    speed = _number(body, "speed", default=simulator.switches.speed)
    approve_seconds = _number(body, "approve_seconds", default=simulator.switches.approve_seconds)
    result_seconds = _number(body, "result_seconds", default=simulator.switches.result_seconds)
    if speed == 0:
        raise ControlError(400, "speed must be above 0")
    simulator.set_tempo(speed=speed, approve_seconds=approve_seconds, result_seconds=result_seconds)
    resume(simulator)
    return _tempo(simulator)


async def show_speed(request: Request) -> Response:
    return _tempo(simulator_of(request))


def _tempo(simulator: Simulator) -> Response:
    switches = simulator.switches
    waits = {"approve_seconds": switches.approve_seconds, "result_seconds": switches.result_seconds}
    return JSONResponse({"speed": switches.speed, **waits})


async def start_faults(request: Request) -> Response:
    """`{"seed", "rate", "kinds"?, "matrix"?, "slow_seconds"?, "late_seconds"?}`; the counts start anew."""
    simulator, body = simulator_of(request), await control_body(request)
    try:
        regime = Regime.from_json(expand_regime(body))
    except InvalidRegime as error:
        raise ControlError(400, str(error)) from None
    simulator.book.clear_faults()
    simulator.switches.set_regime(regime)
    return _faults(simulator)


async def show_faults(request: Request) -> Response:
    return _faults(simulator_of(request))


async def end_faults(request: Request) -> Response:
    """No more faults, and every outage is healed; the counts of the regime stay readable until the next one."""
    simulator = simulator_of(request)
    simulator.switches.set_regime(None)
    heal_outages(simulator.book)
    return _faults(simulator)


async def show_matrix(_request: Request) -> Response:
    return JSONResponse({"matrix": describe_matrix()})


def _faults(simulator: Simulator) -> Response:
    regime = simulator.switches.regime
    return JSONResponse({"regime": regime and regime.to_json(), "counts": count_faults(simulator.book)})


async def start_mix(request: Request) -> Response:
    """`{"mix": {"0": 0.7, "1032": 0.3}, "seed": 7}` for phones outside the test table."""
    simulator = simulator_of(request)
    try:
        mix = OutcomeMix.from_json(await control_body(request))
    except ValueError as error:
        raise ControlError(400, str(error)) from None
    simulator.switches.set_mix(mix)
    return _outcomes(simulator)


async def show_mix(request: Request) -> Response:
    return _outcomes(simulator_of(request))


async def end_mix(request: Request) -> Response:
    simulator = simulator_of(request)
    simulator.switches.set_mix(None)
    return _outcomes(simulator)


def _outcomes(simulator: Simulator) -> Response:
    mix = simulator.switches.mix
    return JSONResponse(mix.to_json() if mix else {"mix": None, "seed": None})


async def hold(request: Request) -> Response:
    """`{"phone"}`: from now on a person answers this phone, its open prompts too."""
    simulator, body = simulator_of(request), await control_body(request)
    phone = required_text(body, "phone")
    if not _PHONE.fullmatch(phone):
        raise ControlError(400, "phone must look like 2547XXXXXXXX or 2541XXXXXXXX")
    hold_phone(simulator, phone)
    return _holds(simulator)


async def release(request: Request) -> Response:
    """New prompts of this phone are answered by rule again; open ones stay with the person."""
    simulator = simulator_of(request)
    simulator.switches.hold(request.path_params["phone"], held=False)
    return _holds(simulator)


async def show_holds(request: Request) -> Response:
    return _holds(simulator_of(request))


def _holds(simulator: Simulator) -> Response:
    return JSONResponse({"phones": sorted(simulator.switches.held_phones)})


async def reset(request: Request) -> Response:
    simulator_of(request).reset()
    return Response(status_code=_NO_CONTENT)


def _number(body: Mapping[str, Any], name: str, *, default: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ControlError(400, f"{name} must be a number, 0 or more")
    return float(value)


routes = [
    Route("/control/tokens", end_tokens, methods=["DELETE"]),
    Route("/control/speed", show_speed, methods=["GET"]),
    Route("/control/speed", set_speed, methods=["POST"]),
    Route("/control/faults", show_faults, methods=["GET"]),
    Route("/control/faults", start_faults, methods=["POST"]),
    Route("/control/faults", end_faults, methods=["DELETE"]),
    Route("/control/matrix", show_matrix, methods=["GET"]),
    Route("/control/outcomes", show_mix, methods=["GET"]),
    Route("/control/outcomes", start_mix, methods=["POST"]),
    Route("/control/outcomes", end_mix, methods=["DELETE"]),
    Route("/control/holds", show_holds, methods=["GET"]),
    Route("/control/holds", hold, methods=["POST"]),
    Route("/control/holds/{phone}", release, methods=["DELETE"]),
    Route("/control/reset", reset, methods=["POST"]),
]
