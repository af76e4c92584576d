"""The REST door: frames in, results out, and nobody in without a token."""

import time

import httpx
import pytest
from plant_line import Line, eventually

from tools.replay.image import fetch

pytestmark = pytest.mark.timeout(180)


async def test_a_part_submitted_over_rest_gets_its_verdict_and_can_be_read_back(line: Line, http, state):
    await line.register()
    board, lot = line.source.bad(3), f"rest-{time.time_ns()}"
    form = {"site": "lyon", "line": "smt1", "station": "aoi1", "lot_id": lot, "part_sequence": "1"}
    form |= {"product_id": board.product_id, "inspection_id": lot, "context": '{"cavity": "7"}'}
    headers = {"Authorization": await line.token.authorization()}
    async with httpx.AsyncClient(base_url=state.url("gateway"), headers=headers, timeout=10) as camera:
        answer = await camera.post("/v1/inspections", data=form, files={"image": board.image})
        broken = await camera.post("/v1/inspections", data=form, files={"image": b"no picture"})
        shapeless = await camera.post("/v1/inspections", data=form | {"context": "7"}, files={"image": board.image})
        nowhere = await camera.post("/v1/inspections", data=form | {"station": "x"}, files={"image": board.image})

    assert answer.status_code == 200
    verdict = answer.json()
    assert (verdict["inspectionId"], verdict["outcome"]) == (lot, "OUTCOME_FAIL")
    assert len(verdict["provenance"]["modelDigest"]) == 64
    assert (broken.status_code, broken.json()["field"]) == (400, "frame.image")
    assert broken.headers["content-type"] == "application/problem+json"
    assert verdict["context"] == {"cavity": "7"}
    assert (shapeless.status_code, shapeless.json()["field"]) == (400, "context")
    assert (nowhere.status_code, nowhere.json()["field"]) == (404, "frame.station")

    found = await eventually(lambda: http.get(f"/v1/inspections/{lot}"), lambda answer: answer.status_code == 200)
    assert found.json()["reasons"] == verdict["reasons"]
    picture = await eventually(
        lambda: http.get(f"/v1/inspections/{lot}/image"), lambda answer: answer.status_code == 200
    )
    assert picture.content == await fetch(state, lot) == board.image  # the camera's own bytes, at both doors


async def test_lines_orders_and_the_schema_can_be_read(http):
    lines = (await eventually(lambda: http.get("/v1/lines"), lambda answer: "state" in str(answer.json()))).json()
    schema = (await http.get("/v1/openapi.json")).json()

    assert lines[0]["line"] == "lyon/smt1"
    assert lines[0]["state"]["linkUp"] is True
    assert (await http.get("/v1/workrequests")).status_code == 200
    assert {"/v1/inspections", "/v1/lines", "/v1/inspections/{inspection_id}", "/v1/workrequests"} <= schema[
        "paths"
    ].keys()


@pytest.mark.parametrize(
    "path",
    ["/v1/lines", "/v1/inspections", "/v1/inspections/x/image", "/v1/workrequests", "/v1/models", "/v1/openapi.json"],
)
async def test_no_endpoint_is_open_and_none_opens_with_the_wrong_scope(path, state, mint):
    async with httpx.AsyncClient(base_url=state.url("gateway"), timeout=10) as nobody:
        without = await nobody.get(path)
        wrong = await nobody.get(path, headers={"Authorization": f"Bearer {mint(scope='inspection.submit')}"})

    assert without.status_code == 401
    assert without.headers["www-authenticate"] == "Bearer"
    assert wrong.status_code == (200 if path.endswith("openapi.json") else 403)


async def test_a_persons_role_opens_what_the_role_may(state, mint):
    viewer = mint(azp="console", scope="openid", realm_access={"roles": ["viewer"]})
    async with httpx.AsyncClient(base_url=state.url("gateway"), headers={"Authorization": f"Bearer {viewer}"}) as http:
        assert (await http.get("/v1/lines")).status_code == 200
        denied = await http.put("/v1/products/x/golden", files={"image": b"x"})

    assert denied.status_code == 403
    assert "product.write" in denied.json()["detail"]
