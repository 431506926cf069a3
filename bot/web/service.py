"""The service: API, pages and guards, put together as one ASGI app."""

import contextlib
from collections.abc import AsyncIterator, Mapping

import gradio as gr
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bot.accounts import Accounts
from bot.corpus import read_corpus
from bot.errors import PolicybotError
from bot.index import text_hash
from bot.web.api import api
from bot.web.asking import Asking
from bot.web.auth import PAGES, RoleGuard, session_secret, sign_in
from bot.web.gradio_page import CSS, THEME, Page
from bot.web.headers import SecurityHeaders
from bot.web.limits import BodyLimit, QuestionRates, RateLimiter
from bot.web.observe import Observed
from bot.web.pages import pages
from bot.web.problems import handle_problems, problem_response

_PLAIN = (
    "/api/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/login",
    "/logout",
    "/demo",
    "/static/",
    "/widget.js",
    "/policies/",
)


def service(asking: Asking, accounts: Accounts, gradio_pages: Mapping[str, Page]) -> FastAPI:
    """The app; `gradio_pages` has a page for each path, "/" last, since it takes what no other takes."""
    settings = asking.settings

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        asking.close()
        if asking.log:
            await run_in_threadpool(asking.log.close)

    app = FastAPI(
        title="policybot",
        version="1",
        summary="Answers questions on a privacy policy, with the section and the exact words.",
        docs_url=None,  # they load their scripts from another host
        redoc_url=None,
        lifespan=lifespan,
    )
    handle_problems(app)
    app.include_router(api(asking))
    app.include_router(pages(asking))
    limiter = RateLimiter()
    app.include_router(sign_in(accounts, settings, limiter))

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/healthz", include_in_schema=False)
    async def alive() -> Response:
        return JSONResponse({"status": "ok"})

    @app.get("/readyz", include_in_schema=False)
    def ready() -> Response:
        problem = _not_ready(asking)
        return problem_response(503, problem) if problem else JSONResponse({"status": "ready"})

    @app.api_route("/api/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    @app.api_route(
        "/gradio_api/upload{path:path}", methods=["GET", "POST"], include_in_schema=False
    )  # no page takes files
    def nothing_here(path: str) -> Response:
        return problem_response(404, "There is nothing here. /openapi.json lists what there is.")

    for path, page in gradio_pages.items():
        app.include_router(page.routes)
        if path != "/":  # or the page at "/" would take it
            app.add_route(path, _to_folder, include_in_schema=False)
        gr.mount_gradio_app(
            app,
            page.blocks,
            path,
            auth_dependency=_user if path in PAGES else None,
            footer_links=[],
            theme=THEME,
            css=CSS + page.css,
            show_error=False,
            ssr_mode=False,
            pwa=False,
            enable_monitoring=False,
        )

    # From the innermost to the outermost.
    app.add_middleware(RoleGuard, accounts=accounts, local=not settings.oidc_issuer)
    app.add_middleware(
        SessionMiddleware,
        secret_key=session_secret(settings),
        session_cookie="policybot_session",
        max_age=settings.session_hours * 3600,
        same_site="lax",
        https_only=settings.public_url.startswith("https://"),
    )
    app.add_middleware(
        QuestionRates, limiter=limiter, client_rate=settings.client_rate, global_rate=settings.global_rate
    )
    app.add_middleware(BodyLimit, most=settings.body_bytes)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type", "Accept"],
        expose_headers=["Retry-After", "X-Request-ID"],
    )
    app.add_middleware(Observed)
    app.add_middleware(SecurityHeaders, origins=settings.allowed_origins, plain=_PLAIN, private=(*PAGES, "/login"))
    return app


def _to_folder(request: Request) -> Response:
    return RedirectResponse(f"{request.url.path}/")


def _user(request: Request) -> str | None:
    """Who is signed in, for Gradio; the guard before it has checked the role."""
    name: str | None = request.scope.get("user_name")
    return name


def _not_ready(asking: Asking) -> str:
    """Why questions cannot be answered, or ""."""
    try:
        on_disk = {(p.id, p.version): text_hash(p.text) for p in read_corpus(asking.settings.corpus)}
    except PolicybotError as error:
        return str(error)
    indexed = {(entry.id, entry.version): entry.sha256 for entry in asking.bot.index.entries}
    return "" if indexed == on_disk else "The index is stale. Run `policybot ingest`."
