"""ModelService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from yingda.v1 import model_pb2
from yingda.v1 import model_service_pb2 as pb
from yingda.v1.model_service_pb2_grpc import ModelServiceServicer

from engine.bundles.cabinet import Cabinet
from engine.bundles.deployer import Deployer
from engine.bundles.switch import Switch
from engine.bundles.trials import Trials
from engine.servicers import check, convert_model, convert_timeline
from engine.timeline.feedback import FeedbackExport
from engine.timeline.listing import EVER

Context = grpc.aio.ServicerContext[Any, Any]
MAX_REASON = 500  # bytes
MAX_DISAGREEMENTS = 200


class ModelServicer(ModelServiceServicer):
    """Which bundle reads the messages."""

    def __init__(
        self,
        *,
        cabinet: Cabinet,
        deployer: Deployer,
        switch: Switch,
        trials: Trials,
        feedback: FeedbackExport,
    ) -> None:
        self._feedback = feedback
        self._cabinet = cabinet
        self._deployer = deployer
        self._switch = switch
        self._trials = trials

    async def ListBundles(self, request: pb.ListBundlesRequest, context: Context) -> pb.ListBundlesResponse:
        """See model_service.proto."""
        size = check.page_size(request.page_size)
        entries = {one.bundle_id: one for one in await asyncio.to_thread(self._cabinet.list_entries)}
        page, token = check.page_by_id(sorted(entries), request.page_token, size)
        now = self._deployer.deployment
        bundles = [convert_model.entry_to_proto(entries[one], now) for one in page]
        return pb.ListBundlesResponse(bundles=bundles, next_page_token=token)

    async def GetModelStatus(
        self, request: pb.GetModelStatusRequest, context: Context
    ) -> pb.GetModelStatusResponse:
        """See model_service.proto."""
        return pb.GetModelStatusResponse(status=await self._status())

    async def PutBundle(self, request: pb.PutBundleRequest, context: Context) -> pb.PutBundleResponse:
        """See model_service.proto."""
        card = await self._deployer.put(dict(request.files))
        return pb.PutBundleResponse(bundle=convert_model.card_to_proto(card))

    async def ActivateBundle(
        self, request: pb.ActivateBundleRequest, context: Context
    ) -> pb.ActivateBundleResponse:
        """See model_service.proto."""
        check.named("bundle_id", request.bundle_id)
        check.at_most("reason", request.reason, MAX_REASON)
        await self._deployer.activate(
            request.bundle_id, allow_older=request.allow_older, reason=request.reason
        )
        return pb.ActivateBundleResponse(status=await self._status())

    async def RollBackBundle(
        self, request: pb.RollBackBundleRequest, context: Context
    ) -> pb.RollBackBundleResponse:
        """See model_service.proto."""
        check.at_most("reason", request.reason, MAX_REASON)
        await self._deployer.roll_back(request.reason, request.from_bundle_id)
        return pb.RollBackBundleResponse(status=await self._status())

    async def ShadowBundle(
        self, request: pb.ShadowBundleRequest, context: Context
    ) -> pb.ShadowBundleResponse:
        """See model_service.proto."""
        check.at_most("bundle_id", request.bundle_id, check.MAX_NAME)
        await self._deployer.set_shadow(request.bundle_id)
        return pb.ShadowBundleResponse(status=await self._status())

    async def CanaryBundle(
        self, request: pb.CanaryBundleRequest, context: Context
    ) -> pb.CanaryBundleResponse:
        """See model_service.proto."""
        check.at_most("bundle_id", request.bundle_id, check.MAX_NAME)
        if request.bundle_id and not 0 < request.share < 1:
            raise check.invalid("share", "must be above 0 and below 1, such as 0.1")
        await self._deployer.set_canary(request.bundle_id, request.share)
        return pb.CanaryBundleResponse(status=await self._status())

    async def ListDisagreements(
        self, request: pb.ListDisagreementsRequest, context: Context
    ) -> pb.ListDisagreementsResponse:
        """See model_service.proto."""
        found = self._trials.disagreements(request.tenant)[:MAX_DISAGREEMENTS]
        return pb.ListDisagreementsResponse(
            disagreements=[convert_model.disagreement_to_proto(one) for one in found]
        )

    async def ExportFeedback(
        self, request: pb.ExportFeedbackRequest, context: Context
    ) -> AsyncIterator[pb.ExportFeedbackResponse]:
        """See model_service.proto."""
        start_ms = convert_timeline.milliseconds(request.start_time)
        end_ms = convert_timeline.milliseconds(request.end_time) if request.HasField("end_time") else EVER
        async for rows in self._feedback.rows(request.tenant, start_ms, end_ms):
            if rows:
                yield pb.ExportFeedbackResponse(rows=[convert_timeline.row_to_proto(one) for one in rows])

    async def _status(self) -> model_pb2.ModelStatus:
        gauges = await asyncio.to_thread(self._trials.gauges)  # they are reckoned as they are asked for
        serving = self._switch.serving.bundle_id
        status = convert_model.status_to_proto(serving, self._deployer.deployment, self._deployer.problem)
        if shadow := self._trials.shadow():
            status.shadow.CopyFrom(convert_model.shadow_to_proto(shadow))
        if canary := self._trials.overall():
            status.canary.CopyFrom(convert_model.canary_to_proto(canary))
        status.drift.extend(convert_model.gauges_to_proto(gauges))
        return status
