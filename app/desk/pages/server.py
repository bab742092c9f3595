"""The desk's server: pages of ours and gradio's behind one guard, on loopback unless it is told otherwise."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from app.annotating_server import address
from app.desk.keys import COST, Cost
from app.desk.pages import (
    drafts,
    faults,
    room_draft,
    room_files,
    room_intake,
    room_library,
    room_practice,
    room_talk,
    room_training,
)
from app.desk.pages.dressing import Send
from app.desk.pages.entry import Entry
from app.desk.pages.guard import App, Guard, Receive, Scope
from app.desk.pages.models import Models
from app.desk.pages.rooms import Office, common
from app.desk.pages.sessions import IDLE_S, Sessions
from app.desk.pages.words import LANGUAGES
from xinheng.chat.embedding import Embedder
from xinheng.errors import UsageError
from xinheng.storage import Place

# Connections and requests together; a window holds three. More are told 503 at once.
MOST_AT_ONCE: Final = 1000
_STATIC: Final = Path(__file__).parent / "static"
# The rooms, each a function that gives its addresses.
ROOMS: Final[tuple[Callable[[Office], list[Route]], ...]] = (
    room_draft.routes,
    room_talk.routes,
    room_library.routes,
    room_training.routes,
    room_files.routes,
    room_intake.routes,
    room_practice.routes,
)
# Read by gradio when it is imported. What it knows of runs it would else keep in the browser, readable.
_QUIET: Final = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SSR_MODE": "False",
    "GRADIO_MCP_SERVER": "False",
    "GRADIO_SHARE": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}


class Frames:
    """gradio's pages, one per language, made while the first words are typed: importing gradio takes seconds."""

    def __init__(self, app: App, sessions: Sessions) -> None:
        self._app, self._sessions = app, sessions
        self._made: asyncio.Task[App] | None = None
        # How many texts each of a page's events brings, by its number.
        self._taken: dict[str, dict[int, int]] = {}
        self._stack = AsyncExitStack()

    async def fits(self, language: str, event: Any) -> bool:
        """Whether an event of a page names what the page has and brings as many texts as it takes.

        gradio would print what it was sent, words of clients among it, where it can make nothing of it.
        """
        self.begin()
        assert self._made is not None  # noqa: S101  for the type alone
        await asyncio.shield(self._made)
        number, data = event.get("fn_index"), event.get("data")
        wanted = self._taken[language].get(number) if isinstance(number, int) else None
        return isinstance(data, list) and len(data) == wanted and all(isinstance(v, str | None) for v in data)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a page of ours, or wait until gradio's are there."""
        if scope["type"] == "lifespan":
            await self._lived(receive, send)
        elif scope["type"] == "http" and scope["path"].split("/")[1] in LANGUAGES:
            self.begin()
            assert self._made is not None  # noqa: S101  for the type alone
            await (await asyncio.shield(self._made))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def begin(self) -> None:
        """Begin to make them; a failure is told whoever asks for one."""
        if self._made is None:
            self._made = asyncio.create_task(self._make())

    async def _lived(self, receive: Receive, send: Send) -> None:
        await receive()
        self.begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._made is not None and not self._made.done():
            self._made.cancel()
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _make(self) -> App:
        os.environ.update(_QUIET)
        await asyncio.to_thread(import_module, "gradio")
        faults.quiet_gradio()
        import gradio as gr
        from fastapi import FastAPI

        from app.desk.pages.workbench import Workbench

        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        system = ("system-ui", "sans-serif")
        theme = gr.themes.Base(
            primary_hue="teal", neutral_hue="stone", font=system, font_mono=("ui-monospace", "monospace")
        )
        head = '<link rel="stylesheet" href="/static/desk.css"><script type="module" src="/static/desk.js"></script>'
        for language in LANGUAGES:
            blocks = Workbench(self._sessions, language).blocks
            self._taken[language] = {number: len(event.inputs) for number, event in blocks.fns.items()}
            app = gr.mount_gradio_app(
                app,
                blocks,
                path=f"/{language}",
                theme=theme,
                head=head,
                footer_links=[],
                run_history=False,
                show_error=False,
                ssr_mode=False,
                mcp_server=False,
                enable_monitoring=False,
                pwa=False,
                max_file_size=0,
            )
            await asyncio.sleep(0)
        await self._stack.enter_async_context(app.router.lifespan_context(app))
        return app


def pages(
    engine: sa.Engine,
    home: Path,
    sessions: Sessions,
    hosts: frozenset[str],
    *,
    models: Models,
    files: Place,
    embed: Embedder | None = None,
    secure: bool = False,
    setup_code: str = "",
    cost: Cost = COST,
) -> Guard:
    """The whole application.

    Args:
        engine: The desk's database.
        home: Its folder.
        sessions: Who is at it.
        hosts: The names, with ports, that a browser may call it by.
        models: Who answers.
        files: Where attachments, documents and adapters are kept.
        embed: A model that turns texts into vectors, if there is one.
        secure: Whether it is reached by TLS.
        setup_code: What whoever sets a desk up must know; empty for nothing.
        cost: What a new counsellor's passphrase costs to guess.
    """

    def file(path: Path) -> Callable[..., Any]:
        async def sent(request: Request) -> Response:
            answer = FileResponse(path, stat_result=await run_in_threadpool(path.stat))
            same = request.headers.get("if-none-match") == answer.headers["etag"]
            return Response(status_code=304, headers={"etag": answer.headers["etag"]}) if same else answer

        return sent

    entry = Entry(engine, home, sessions, secure=secure, setup_code=setup_code, cost=cost)
    office = Office(sessions, models, home, files, embed)
    ours = [Route(f"/static/{path.name}", file(path)) for path in sorted(_STATIC.iterdir())]
    rooms = [one for room in ROOMS for one in room(office)]
    app = Starlette(routes=[*entry.routes(), drafts.route(sessions), *common(office), *rooms, *ours])
    frames = Frames(app, sessions)
    return Guard(frames, sessions, hosts, secure=secure, fits=frames.fits)


def serve(
    engine: sa.Engine,
    home: Path,
    *,
    models: Models,
    files: Place,
    embed: Embedder | None = None,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    idle_s: float = IDLE_S,
    ready: Callable[[str, str], None],
) -> None:
    """Serve the desk until it is interrupted; then every session ends.

    Args:
        engine: The desk's database.
        home: Its folder.
        models: Who answers.
        files: Where attachments, documents and adapters are kept.
        embed: A model that turns texts into vectors, if there is one.
        host: Where to listen; another place than loopback needs TLS.
        port: 0 takes any that is free.
        tls_cert: The certificate.
        tls_key: Its key.
        idle_s: After how long without a deed a session ends.
        ready: Called with the address and the set-up code, which is empty on loopback.

    Raises:
        UsageError: The address cannot be had, or others could read what is sent.
    """
    where = address(host, port, tls_cert, tls_key, plain_allowed=False)
    with ExitStack() as stack:
        temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="xinheng-desk-"))
        os.environ["GRADIO_TEMP_DIR"] = temporary
        listening = stack.enter_context(_listening(host, port))
        bound = listening.getsockname()[1]
        import uvicorn

        url = where.url.format(port=bound)
        name = url.partition("://")[2]
        local = not tls_cert
        hosts = {name, f"{host}:{bound}", *({f"localhost:{bound}", f"127.0.0.1:{bound}"} if local else set())}
        hosts |= {n.removesuffix(f":{bound}") for n in hosts} if bound in {80, 443} else set()
        code = "" if local else secrets.token_hex(8)
        sessions = Sessions(idle_s=idle_s)
        stack.callback(sessions.end_all)
        app = pages(
            engine,
            home,
            sessions,
            frozenset(hosts),
            models=models,
            files=files,
            embed=embed,
            secure=bool(tls_cert),
            setup_code=code,
        )
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
            limit_concurrency=MOST_AT_ONCE,
            ssl_certfile=tls_cert,
            ssl_keyfile=tls_key,
        )
        faults.quiet_logs()
        ready(url, code)
        uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(64)
    except OSError as error:
        raise UsageError("desk", "cannot listen there", have=f"{host}:{port}", mend="Choose another --port.") from error
    return listening
