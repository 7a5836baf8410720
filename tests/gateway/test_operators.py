"""What all tenants share, only operators change."""

from __future__ import annotations

import grpc
import pytest
from yingda.errors import YingdaError
from yingda.model_client import ModelClient

from gateway.bootstrap import bootstrap
from gateway.settings import GatewaySettings

pytestmark = pytest.mark.asyncio(loop_scope="session")
OPS, SHOP = "operators-token-1", "shops-token-of-16"
TOKENS = {OPS: "ops", SHOP: "shop"}
WITH_OPERATORS = {"tokens": TOKENS, "operators": ["ops"]}


async def refused(engine_address: str, tenant: str, token: str | None, **settings: object) -> grpc.StatusCode:
    """What rolling back is answered with; there is nothing to roll back to, so it never succeeds."""
    given = GatewaySettings.model_validate(
        {"listen": "127.0.0.1:0", "engine": engine_address, "tenants": ["ops", "shop"], **settings}
    )
    async with bootstrap(given) as edge, ModelClient(edge.address, tenant=tenant, token=token) as client:
        assert (await client.model_status()).bundle_id
        with pytest.raises(YingdaError) as raised:
            await client.roll_back_bundle()
    return raised.value.code


@pytest.mark.parametrize(
    ("tenant", "token", "settings", "code"),
    [
        ("shop", None, {}, grpc.StatusCode.FAILED_PRECONDITION),
        ("ops", OPS, WITH_OPERATORS, grpc.StatusCode.FAILED_PRECONDITION),
        ("shop", SHOP, WITH_OPERATORS, grpc.StatusCode.PERMISSION_DENIED),
        ("ops", OPS, {"tokens": TOKENS}, grpc.StatusCode.PERMISSION_DENIED),
    ],
    ids=["without tokens all may", "an operator may", "others may not", "without operators nobody may"],
)
async def test_only_operators_change_the_bundles(
    engine_address: str, tenant: str, token: str | None, settings: dict[str, object], code: grpc.StatusCode
) -> None:
    assert await refused(engine_address, tenant, token, **settings) is code
