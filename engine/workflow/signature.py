"""Signs what is sent, so that the receiver knows who says it.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def headers(key: bytes, delivery_id: str, now_s: int, body: bytes) -> dict[str, str]:
    """The id, when it is sent, and an HMAC-SHA256 over both and the body."""
    signed = b"%b.%d.%b" % (delivery_id.encode(), now_s, body)
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
