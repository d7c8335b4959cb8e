"""A small OpenID Connect provider on loopback, which can be told to misbehave."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "telemetry", "client secret: %&="
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGERS_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CODE = "code-1"


class FakeProvider(ThreadingHTTPServer):
    """Vouches for ``person``; what is in ``token`` replaces claims of its token."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.person: dict[str, Any] = {"sub": "42", "preferred_username": "ada"}
        self.userinfo: dict[str, Any] | None = None
        self.token: dict[str, Any] = {}
        self.key: Any = KEY
        self.algorithm = "RS256"
        self.by_form = False
        self.fails = ""
        self.odd: dict[str, Any] = {}
        self.asked: dict[str, str] = {}

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            **self.person,
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": self.asked["nonce"],
            **self.token,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self.key, self.algorithm, {"kid": "1"})


class _Handler(BaseHTTPRequestHandler):
    server: FakeProvider

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if self.server.fails and self.server.fails in path:
            self._send({"error": "out of order"}, 500)
        elif path == "/authorize":
            self._authorize()
        elif path == "/userinfo":
            good = self.headers["Authorization"] == "Bearer access"
            self._send(self.server.userinfo, 200 if good else 401)
        else:
            self._send(self.server.odd.get(path, self._documents()[path]))

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        form = _single(self.rfile.read(length).decode())
        if self.server.fails and self.server.fails in self.path:
            self._send({"error": "server_error"}, 500)
        elif self._is_our_client(form) and self._proves(form):
            tokens = {"access_token": "access", "id_token": self.server.id_token()}
            self._send({**tokens, "token_type": "Bearer"})
        else:
            self._send({"error": "invalid_grant"}, 400)

    def _authorize(self) -> None:
        self.server.asked = asked = _single(urlsplit(self.path).query)
        back = urlencode({"code": CODE, "state": asked["state"]})
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri']}?{back}")
        self.end_headers()

    def _is_our_client(self, form: dict[str, str]) -> bool:
        if self.server.by_form:
            return (form.get("client_id"), form.get("client_secret")) == (
                CLIENT,
                SECRET,
            )
        encoded = "telemetry:client%20secret%3A%20%25%26%3D"
        basic = base64.b64encode(encoded.encode()).decode()
        return self.headers["Authorization"] == f"Basic {basic}"

    def _proves(self, form: dict[str, str]) -> bool:
        """PKCE: who redeems the code is who began the login."""
        digest = sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return (
            form["code"] == CODE
            and form["grant_type"] == "authorization_code"
            and form["redirect_uri"] == self.server.asked["redirect_uri"]
            and challenge == self.server.asked["code_challenge"]
        )

    def _documents(self) -> dict[str, Any]:
        server, base = self.server, self.server.issuer
        discovery = {
            "issuer": base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/keys",
        }
        if server.userinfo is not None:
            discovery["userinfo_endpoint"] = f"{base}/userinfo"
        if server.by_form:
            discovery["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        keys = {"keys": [{**jwk, "kid": "1", "alg": "RS256", "use": "sig"}]}
        return {"/.well-known/openid-configuration": discovery, "/keys": keys}

    def _send(self, data: Any, status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


def _single(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def running() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        thread = threading.Thread(target=provider.serve_forever, args=(0.01,))
        thread.start()
        yield provider
        provider.shutdown()
        thread.join()
