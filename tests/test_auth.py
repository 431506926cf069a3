"""Who may see what, over real HTTP: each role against each route, Gradio's own endpoints included."""

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Form
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.responses import RedirectResponse

from bot.accounts import Accounts, Role
from tests.site import PASSWORD, Site, serve

PUBLIC = ["/", "/demo", "/widget.js", "/login", "/healthz", "/api/v1/policies", "/config", "/gradio_api/info"]
AGENT = [
    "/agent",
    "/agent/",
    "/agent/config",
    "/agent/gradio_api/info",
    "/agent/gradio_api/startup-events",
    "/agent/nothing",
]
LEGAL = [path.replace("/agent", "/review") for path in AGENT] + ["/review/decisions.csv", "/review/cases.patch"]
HTML = {"Accept": "text/html"}


def status(client: httpx.Client, path: str, **options: object) -> int:
    return client.get(path, follow_redirects=False, **options).status_code


def test_public_pages_need_no_login(site: Site) -> None:
    with site.client() as client:
        for path in PUBLIC:
            assert status(client, path) == 200, path


@pytest.mark.parametrize("path", AGENT + LEGAL)
def test_strangers_see_nothing(site: Site, path: str) -> None:
    with site.client() as client:
        assert status(client, path) == 401
        sent = client.get(path, headers=HTML)
        assert sent.status_code == 303
        assert sent.headers["location"].startswith("/login?next=")
        for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
            assert client.request(method, path).status_code in (401, 403), method


@pytest.mark.parametrize("path", LEGAL)
def test_agents_do_not_see_legals_desk(site: Site, path: str) -> None:
    with site.signed_in("agent") as client:
        assert status(client, path) == 403
        assert status(client, path, headers=HTML) == 403
        assert client.post(path).status_code == 403


def test_agents_and_legal_see_their_pages(site: Site) -> None:
    with site.signed_in("legal") as client:
        for path in ("/agent", "/review"):
            assert client.get(path, follow_redirects=True).url.path == f"{path}/"
    with site.signed_in("agent") as client:
        assert {path: status(client, path) for path in ("/agent/", "/agent/config")} == {
            "/agent/": 200,
            "/agent/config": 200,
        }
    with site.signed_in("legal") as client:
        for path in ("/agent/", "/review/", "/review/config", "/review/decisions.csv", "/review/cases.patch"):
            assert status(client, path) == 200, path


@pytest.mark.parametrize("page", ["/agent", "/review"])
@pytest.mark.parametrize("endpoint", ["queue/join", "run/predict", "api/predict", "upload", "call/predict", "reset"])
def test_gradios_endpoints_are_behind_the_roles(site: Site, page: str, endpoint: str) -> None:
    body = {"data": [], "fn_index": 0, "session_hash": "abc"}
    with site.client() as client:
        assert client.post(f"{page}/gradio_api/{endpoint}", json=body).status_code == 401
    if page == "/review":
        with site.signed_in("agent") as client:
            assert client.post(f"{page}/gradio_api/{endpoint}", json=body).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "//review/",
        "/%72eview/config",
        "/review%2Fconfig",
        "/demo/../review/config",
        "/REVIEW/config",
        "/review;x/config",
    ],
)
def test_no_spelling_of_the_path_gets_around_the_guard(site: Site, path: str) -> None:
    # A client that does not tidy the path up itself.
    url = httpx.URL(site.url)
    with httpx.Client() as client:
        response = client.send(httpx.Request("GET", url.copy_with(raw_path=path.encode())))
    assert "Legal's desk" not in response.text
    assert "decisions" not in response.text


def test_files_outside_are_out_of_reach(site: Site) -> None:
    with site.signed_in("legal") as client:
        for page in ("", "/agent", "/review"):
            for path in ("/etc/passwd", str(site.settings.data / "session.key"), "../pyproject.toml", "pyproject.toml"):
                for route in (f"gradio_api/file={path}", f"file={path}", f"static/{path}", f"gradio_api/file/{path}"):
                    response = client.get(f"{page}/{route}")
                    assert response.status_code in (401, 403, 404, 405), (page, route)
        assert client.get("/static/..%2f..%2fauth.py").status_code == 404
        assert client.post("/gradio_api/upload", files={"files": b"filling the disk"}).status_code == 404
        assert client.get("/policies/..%2f..%2fetc/passwd").status_code == 404


def test_wrong_password_and_unknown_name_look_alike(site: Site) -> None:
    with site.client() as client:
        wrong = client.post("/login", data={"name": "agent", "password": "wrong password"})
        unknown = client.post("/login", data={"name": "nobody", "password": "wrong password"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text == unknown.text
    assert "set-cookie" not in wrong.headers


def test_cookie_is_signed_and_closed_to_scripts(site: Site) -> None:
    with site.client() as client:
        cookie = client.post("/login", data={"name": "agent", "password": PASSWORD}).headers["set-cookie"]
        assert "httponly" in cookie.lower()
        assert "samesite=lax" in cookie.lower()
        value = cookie.split("=", 1)[1].split(";")[0]
        forged = base64.b64encode(json.dumps({"user": "legal", "role": "legal"}).encode()).decode()
        for tampered in (forged, forged + value[value.index(".") :] if "." in value else forged, "x" + value):
            client.cookies.clear()
            assert client.get("/review/config", headers={"Cookie": f"policybot_session={tampered}"}).status_code == 401


def test_cookie_is_for_https_only_where_the_site_is(tmp_path: Path) -> None:
    with serve(tmp_path, public_url="https://privacy.example.com") as site, site.client() as client:
        cookie = client.post("/login", data={"name": "agent", "password": PASSWORD}).headers["set-cookie"]
    assert "secure" in cookie.lower()


def test_signing_out_and_removal_take_effect_at_once(site: Site) -> None:
    accounts = Accounts(site.database)
    accounts.add("temp", Role.LEGAL, PASSWORD)
    with site.signed_in("temp") as client:
        assert status(client, "/review/config") == 200
        accounts.add("temp", Role.AGENT, PASSWORD)
        assert status(client, "/review/config") == 403
        accounts.remove("temp")
        assert status(client, "/agent/config") == 401
    with site.signed_in("agent") as client:
        client.post("/logout")
        assert status(client, "/agent/config") == 401


def test_another_website_cannot_act_for_the_user(site: Site) -> None:
    with site.signed_in("legal") as client:
        for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert client.post("/review/gradio_api/queue/join", json={}, headers=headers).status_code == 403
            assert client.post("/logout", headers=headers).status_code == 403
        assert status(client, "/review/config") == 200


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\t//evil"]
)
def test_signing_in_leads_nowhere_else(site: Site, target: str) -> None:
    with site.client() as client:
        response = client.post(f"/login?{urlencode({'next': target})}", data={"name": "agent", "password": PASSWORD})
    assert response.headers["location"] == "/agent"


def test_attempts_are_limited(tmp_path: Path) -> None:
    with serve(tmp_path, login_rate="3/minute") as site, site.client() as client:
        found = [client.post("/login", data={"name": "agent", "password": "guess guess"}) for _ in range(4)]
        right = client.post("/login", data={"name": "agent", "password": PASSWORD})
    assert [r.status_code for r in found] == [401, 401, 401, 429]
    assert int(found[-1].headers["retry-after"]) > 0
    assert right.status_code == 429


class Provider:
    """An OpenID Connect provider of our own, over real HTTP."""

    def __init__(self) -> None:
        key = RSAKey.generate_key(2048, {"kid": "k1"})
        self.claims: dict[str, object] = {}
        self.app = FastAPI()
        nonces: dict[str, str] = {}

        @self.app.get("/.well-known/openid-configuration")
        def discovery() -> dict[str, object]:
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }

        @self.app.get("/keys")
        def keys() -> dict[str, object]:
            return {"keys": [key.as_dict(private=False)]}

        @self.app.get("/authorize")
        def authorize(redirect_uri: str, state: str, nonce: str) -> RedirectResponse:
            nonces["code"] = nonce
            return RedirectResponse(f"{redirect_uri}?{urlencode({'code': 'code', 'state': state})}")

        @self.app.post("/token")
        def token(code: str = Form()) -> dict[str, object]:
            import time

            claims = {
                "iss": self.url,
                "aud": "policybot",
                "sub": "1",
                "iat": int(time.time()),
                "exp": int(time.time()) + 60,
                "nonce": nonces[code],
                **self.claims,
            }
            signed = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, key)
            return {"access_token": "t", "token_type": "Bearer", "id_token": signed}

        self.server = uvicorn.Server(uvicorn.Config(self.app, port=0, log_level="error"))
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            threading.Event().wait(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.server.should_exit = True
    provider.thread.join(10)


@pytest.fixture(scope="module")
def oidc_site(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("oidc")
    with serve(data, oidc_issuer=provider.url, oidc_client_id="policybot", oidc_client_secret="a-secret") as site:
        yield site


@pytest.mark.parametrize(
    ("claims", "seen"),
    [
        ({"roles": ["legal"], "email": "l@x.example"}, {"/agent/config": 200, "/review/config": 200}),
        ({"roles": "agent", "email": "a@x.example"}, {"/agent/config": 200, "/review/config": 403}),
        ({"roles": ["other"]}, {"/agent/config": 401, "/review/config": 401}),
        ({}, {"/agent/config": 401, "/review/config": 401}),
        ({"roles": ["legal"], "aud": "another"}, {"/agent/config": 401, "/review/config": 401}),
    ],
)
def test_openid_connect(provider: Provider, oidc_site: Site, claims: dict[str, object], seen: dict[str, int]) -> None:
    provider.claims = claims
    with oidc_site.client(follow_redirects=True) as client:
        client.get("/login/oidc", params={"next": "/agent"})
        assert {path: status(client, path) for path in seen} == seen


def test_local_passwords_are_off_with_openid_connect(oidc_site: Site) -> None:
    with oidc_site.client() as client:
        client.post("/login", data={"name": "legal", "password": PASSWORD})
        assert status(client, "/review/config") == 401
        away = client.get("/login/oidc")
        query = parse_qs(urlsplit(away.headers["location"]).query)
        assert {"state", "nonce", "code_challenge"} <= set(query)
        assert client.get("/login/callback?code=code&state=forged").status_code == 401
