"""The ways that a repair goes through the statuses, by their codes."""

from __future__ import annotations

from demo.crm.chance import Weighted

Route = tuple[str, ...]


def _route(codes: str) -> Route:
    return tuple(codes.split())


REFUSED = _route("open diagnostics approval refused closed")
SCRAPPED = _route("open diagnostics approval scrapped")
SCRAPPED_LATE = _route("open diagnostics approved in_progress no_parts scrapped")
READY = _route("open diagnostics approved in_progress ready")
SELECTION = _route("open diagnostics selection")
CLOSED = (*READY, "closed")
REOPENED = (*CLOSED, "diagnostics", "in_progress", "ready", "closed")
REOPENED_NOW = REOPENED[:-2]

# How repairs are usually closed, and how often.
CLOSED_ROUTES = Weighted(
    (weight, _route(codes))
    for weight, codes in (
        (28, "open in_progress ready closed"),
        (34, "open diagnostics approval approved in_progress ready closed"),
        (12, "open diagnostics approval parts_ordered parts_received in_progress ready closed"),
        (8, "open diagnostics order_parts parts_ordered parts_received in_progress ready closed"),
        (5, "open diagnostics selection approved in_progress ready closed"),
        (4, "open in_progress ready issued_unpaid closed"),
        (1, "open diagnostics approved in_progress ready closed"),
    )
)

# Where repairs that are not closed stand, and how many of a hundred.
OPEN_ROUTES = Weighted(
    (weight, _route(codes))
    for weight, codes in (
        (12, "open"),
        (12, "open diagnostics"),
        (14, "open diagnostics approval"),
        (8, "open diagnostics approval approved"),
        (3, "open diagnostics selection"),
        (5, "open diagnostics approval order_parts"),
        (9, "open diagnostics approval order_parts parts_ordered"),
        (3, "open diagnostics approved no_parts"),
        (5, "open diagnostics order_parts parts_ordered parts_received"),
        (10, "open diagnostics approved in_progress"),
        (14, "open diagnostics approved in_progress ready"),
        (2, "open in_progress ready issued_unpaid"),
        (3, "open diagnostics approval refused"),
    )
)
WAITING_FOR_PARTS = {"order_parts", "parts_ordered", "no_parts", "parts_received"}
PRICED = WAITING_FOR_PARTS | {"approved", "in_progress", "ready", "issued_unpaid"}
