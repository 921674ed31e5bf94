"""Coordinates over HTTP."""

from tests.command_center.conftest import Login


async def test_points_are_transformed(logged_in: Login) -> None:
    client = await logged_in("operator")
    body = {"from": "wgs84", "to": "epsg:4549", "x": [120.0, None], "y": [30.5, 31.0]}
    answer = await client.post("/api/v1/transform", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (round(found["x"][0], 3), found["x"][1]) == (500000.0, None)
    back = await client.post("/api/v1/transform", json={"from": "epsg:4549", "to": "wgs84", **found})
    assert abs(back.json()["y"][0] - 30.5) < 1e-9


async def test_limits_and_mistakes(logged_in: Login) -> None:
    client = await logged_in("operator")
    many = {"from": "gcj02", "to": "wgs84", "x": [120.123456] * 100_000, "y": [30.123456] * 100_000}
    answer = await client.post("/api/v1/transform", json=many)
    assert (answer.status_code, len(answer.json()["x"])) == (200, 100_000)
    many["x"].append(1.0)  # type: ignore[attr-defined]
    assert (await client.post("/api/v1/transform", json=many)).status_code == 422
    for body in ({"from": "mars", "to": "wgs84", "x": [1], "y": [1]},
                 {"from": "wgs84", "to": "gcj02", "x": [1], "y": []}):  # fmt: skip
        assert (await client.post("/api/v1/transform", json=body)).status_code == 422
