"""The calls that only those make who train and run the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from yingda.client import PAGE_SIZE, Client
from yingda.v1 import model_pb2, model_service_pb2, model_service_pb2_grpc


class ModelClient(Client):
    """A client that can also put and change bundles."""

    @cached_property
    def _models(self) -> model_service_pb2_grpc.ModelServiceAsyncStub:
        return model_service_pb2_grpc.ModelServiceStub(self._channel)

    async def bundles(self) -> list[model_pb2.Bundle]:
        """All that the engine has, by id."""
        found: list[model_pb2.Bundle] = []
        request = model_service_pb2.ListBundlesRequest(tenant=self._tenant, page_size=PAGE_SIZE)
        while True:
            page = await self._call(self._models.ListBundles, request)
            found.extend(page.bundles)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    async def model_status(self) -> model_pb2.ModelStatus:
        """What serves, and how what is tried beside it does."""
        request = model_service_pb2.GetModelStatusRequest(tenant=self._tenant)
        return (await self._call(self._models.GetModelStatus, request)).status

    async def put_bundle(self, files: Mapping[str, bytes]) -> model_pb2.Bundle:
        """Give the engines a bundle: its files by their paths in its folder."""
        request = model_service_pb2.PutBundleRequest(tenant=self._tenant, files=files)
        return (await self._call(self._models.PutBundle, request)).bundle

    async def activate_bundle(
        self, bundle_id: str, *, allow_older: bool = False, reason: str = ""
    ) -> model_pb2.ModelStatus:
        """Let a bundle serve."""
        request = model_service_pb2.ActivateBundleRequest(
            tenant=self._tenant, bundle_id=bundle_id, allow_older=allow_older, reason=reason
        )
        return (await self._call(self._models.ActivateBundle, request)).status

    async def roll_back_bundle(self, *, leave: str = "", reason: str = "") -> model_pb2.ModelStatus:
        """End a canary, or let the bundle before serve again."""
        request = model_service_pb2.RollBackBundleRequest(
            tenant=self._tenant, reason=reason, from_bundle_id=leave
        )
        return (await self._call(self._models.RollBackBundle, request)).status

    async def shadow_bundle(self, bundle_id: str) -> model_pb2.ModelStatus:
        """Let a bundle read along; "" ends that."""
        request = model_service_pb2.ShadowBundleRequest(tenant=self._tenant, bundle_id=bundle_id)
        return (await self._call(self._models.ShadowBundle, request)).status

    async def canary_bundle(self, bundle_id: str, share: float = 0.0) -> model_pb2.ModelStatus:
        """Let a bundle answer a share of the conversations; "" ends that."""
        request = model_service_pb2.CanaryBundleRequest(tenant=self._tenant, bundle_id=bundle_id, share=share)
        return (await self._call(self._models.CanaryBundle, request)).status

    async def disagreements(self) -> Sequence[model_pb2.Disagreement]:
        """The tenant's latest messages that the shadow reads otherwise."""
        request = model_service_pb2.ListDisagreementsRequest(tenant=self._tenant)
        return (await self._call(self._models.ListDisagreements, request)).disagreements
