"""The room `draft`."""

from __future__ import annotations

from starlette.routing import Route

from app.desk.pages.rooms import Office


def routes(office: Office) -> list[Route]:
    """Its addresses."""
    return []
