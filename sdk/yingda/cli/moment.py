"""Moments on the command line."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

HELP = 'a moment: "2026-11-26", "2026-11-26T14:30", "14:30" of today, or "90m", "2h", "3d" ago'
_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str) -> Timestamp:
    """Local time where no zone is given; see HELP."""
    found = Timestamp()
    try:
        found.FromDatetime(_moment(text, datetime.now().astimezone()).astimezone(UTC))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no moment; write {HELP.partition(': ')[2]}") from None
    return found


def _moment(text: str, now: datetime) -> datetime:
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?", text):
        text = f"{now:%Y-%m-%d}T{text.zfill(5)}"
    return datetime.fromisoformat(text).astimezone()
