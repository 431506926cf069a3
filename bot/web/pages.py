"""The plain pages: the widget's script, its demo, and a policy with one clause highlighted."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, HTMLResponse, Response
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from starlette.staticfiles import StaticFiles

from bot.policy import Span
from bot.web.api import find_version
from bot.web.asking import Asking
from bot.web.policy_page import policy_html

STATIC = Path(__file__).with_name("static")
_ENVIRONMENT = Environment(loader=PackageLoader("bot.web"), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def render(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page made from a template."""
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(**values), status)


def pages(asking: Asking) -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False)
    router.mount("/static", StaticFiles(directory=STATIC), name="static")

    @router.get("/widget.js")
    def widget() -> Response:
        return FileResponse(
            STATIC / "widget.js", media_type="text/javascript", headers={"Cache-Control": "public, max-age=600"}
        )

    @router.get("/demo")
    def demo() -> Response:
        return FileResponse(STATIC / "demo.html")

    @router.get("/policies/{policy}/{version}")
    def show(
        policy: str,
        version: str,
        start: Annotated[int, Query(ge=0)] = 0,
        end: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        found = asking.bot.index.policy(find_version(asking, policy, version))
        cited = Span(start, end) if start < end <= len(found.text) else None
        # policy_html escapes every character of the policy's.
        return render("policy.html", title=found.title, body=Markup(policy_html(found, cited)))

    return router
