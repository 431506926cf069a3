"""Who may see what: signing in, and roles checked on every request before any page sees it."""

import secrets
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.accounts import Accounts, Role, User
from bot.errors import DatabaseError
from bot.settings import Settings
from bot.web.limits import RateLimiter, client
from bot.web.pages import render
from bot.web.problems import problem_response, too_many

PAGES = {"/agent": (Role.AGENT, Role.LEGAL), "/review": (Role.LEGAL,)}
"""Who may see a page and all beneath it. Every other page is public."""
_SAFE = ("GET", "HEAD", "OPTIONS")


def session_secret(settings: Settings) -> str:
    """What signs the cookies: the setting, or a secret made once and kept in the data folder, for its owner only."""
    given = settings.session_secret.get_secret_value()
    path = settings.data / "session.key"
    if given:
        return given
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48), encoding="utf-8")
    return path.read_text(encoding="utf-8")


async def signed_in(session: dict[str, str], accounts: Accounts) -> User | None:
    """Whom a session belongs to. A local account is looked up each time, so that one removed is out at once."""
    name = session.get("user")
    if not name:
        return None
    if role := session.get("role"):
        return User(name, Role(role))  # as the OpenID Connect provider said
    return await run_in_threadpool(accounts.find, name)


class RoleGuard:
    """Lets nobody through to a page of `PAGES`, or anything beneath it, who may not see it.

    It stands before the pages, so that Gradio's own endpoints are behind it, too. Requests that
    change something must come from this site: a cookie alone is no consent.
    """

    def __init__(self, app: ASGIApp, accounts: Accounts, local: bool) -> None:
        self._app, self._accounts, self._local = app, accounts, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        page = next((page for page in PAGES if path == page or path.startswith(f"{page}/")), None)
        if page:
            scope["page"] = page
        refusal = await self._refusal(scope, page)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    async def _refusal(self, scope: Scope, page: str | None) -> Response | None:
        guarded = page or scope["path"] in ("/login", "/logout")
        if guarded and scope.get("method", "GET") not in _SAFE and not _same_site(scope):
            return problem_response(403, "The request comes from another website.")
        if page is None:
            return None
        try:
            user = await signed_in(scope["session"], self._accounts)
        except DatabaseError as error:
            return problem_response(503, str(error))
        if user is not None and "role" in scope["session"] and self._local:
            user = None  # signed in by a provider that is no longer configured
        if user and user.role in PAGES[page]:
            scope["user_name"] = user.name
            return None
        wants_page = scope.get("method") == "GET" and "text/html" in _header(scope, b"accept")
        if user is None:
            if wants_page:
                return RedirectResponse(f"/login?{urlencode({'next': scope['path']})}", 303)
            return problem_response(401, "Sign in first, at /login.")
        message = f"This page is for {' and '.join(PAGES[page])}. You are signed in as {user.name} ({user.role})."
        return (
            render("message.html", 403, title="Not for you", message=message, user=user.name)
            if wants_page
            else (problem_response(403, message))
        )


def sign_in(accounts: Accounts, settings: Settings, limiter: RateLimiter) -> APIRouter:
    """The routes of signing in and out: with a password, or with OpenID Connect where that is configured."""
    router = APIRouter(include_in_schema=False)
    provider = urlsplit(settings.oidc_issuer).hostname

    def form(next: str, message: str = "", status: int = 200) -> Response:
        return render(
            "login.html", status, title="Sign in", message=message, next=urlencode({"next": next}), provider=provider
        )

    def enter(request: Request, next: str, **session: str) -> Response:
        request.session.clear()  # nothing from before signing in lives on
        request.session.update(session)
        return RedirectResponse(_inside(next), 303)

    @router.get("/login")
    def show_form(next: str = "/agent") -> Response:
        return form(next)

    @router.post("/logout")
    def sign_out(request: Request) -> Response:
        request.session.clear()
        return RedirectResponse("/login", 303)

    if provider:
        _add_oidc(router, settings, form, enter)
        return router

    @router.post("/login")
    async def check_password(
        request: Request, name: str = Form(max_length=100), password: str = Form(max_length=1000), next: str = "/agent"
    ) -> Response:
        for key in (("login", client(request.scope)), ("login-name", name)):
            if wait := await limiter.hit(settings.login_rate, *key):
                if "text/html" not in request.headers.get("accept", ""):
                    return too_many("Too many attempts to sign in. Wait, then try again.", wait)
                response = form(next, f"Too many attempts. Try again in {wait:.0f} seconds.", 429)
                response.headers["Retry-After"] = f"{wait:.0f}"
                return response
        user = await run_in_threadpool(accounts.verify, name, password)
        return enter(request, next, user=user.name) if user else form(next, "Name or password is wrong.", 401)

    return router


def _add_oidc(
    router: APIRouter, settings: Settings, form: Callable[..., Response], enter: Callable[..., Response]
) -> None:
    oauth = OAuth()
    oauth.register(
        "provider",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        server_metadata_url=settings.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )

    @router.get("/login/oidc")
    async def leave_for_provider(request: Request, next: str = "/agent") -> Response:
        request.session["next"] = next
        back = f"{settings.public_url.rstrip('/')}/login/callback" if settings.public_url else None
        try:
            response: Response = await oauth.provider.authorize_redirect(
                request, back or str(request.url_for("come_back"))
            )
        except (OAuthError, OSError, ValueError, httpx.HTTPError):
            return form(next, "The sign-in provider does not answer. Try again later.", 502)
        return response

    @router.get("/login/callback", name="come_back")
    async def come_back(request: Request) -> Response:
        next = str(request.session.get("next", "/agent"))
        try:
            token = await oauth.provider.authorize_access_token(request)
        except (OAuthError, OSError, ValueError, httpx.HTTPError):
            return form(next, "Signing in did not work. Try again.", 401)
        claims = token.get("userinfo") or {}
        held = claims.get(settings.oidc_role_claim) or []
        held = [held] if isinstance(held, str) else held
        role = _role(held)
        if role is None:
            return form(next, "Your account has neither the role agent nor legal here. Ask your administrator.", 403)
        return enter(request, next, user=str(claims.get("email") or claims["sub"]), role=role.value)


def _role(held: list[str]) -> Role | None:
    """The role that lets one see most."""
    return next((role for role in (Role.LEGAL, Role.AGENT) if role in held), None)


def _inside(target: str) -> str:
    """The target where it is a path on this site, else the agents' page: no link may lead elsewhere by signing in."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/agent"


def _same_site(scope: Scope) -> bool:
    """Whether a browser says that the request comes from this site; other clients send no cookies by themselves."""
    site, origin = _header(scope, b"sec-fetch-site"), _header(scope, b"origin")
    if site:
        return site in ("same-origin", "none")
    return not origin or urlsplit(origin).netloc == _header(scope, b"host")


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
