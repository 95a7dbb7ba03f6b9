"""The only settings file. Every value that differs between machines is read here, from the environment.

Development is a server that is reached only on its own machine (PUBLIC_BASE_URL) and has no SECRET_KEY, or DEBUG
on: only there do defaults apply. Anywhere else a missing value stops the start with its name.
"""

import os
import re
import socket
from pathlib import Path
from typing import Any

import sentry_sdk
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from sentry_sdk.utils import BadDsn, Dsn

from core.web.url_prefixes import Differs, prefixes
from taskjuice.environment import Environment, refused
from taskjuice.logs import logging_config, without_query

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(os.environ)

DEBUG = env.flag("DEBUG", default=False)
_public = env.address("PUBLIC_BASE_URL", default="http://127.0.0.1:8000")
LOOPBACK = _public.host in {"127.0.0.1", "localhost", "::1"}
DEVELOPMENT = LOOPBACK and (DEBUG or not env.text("SECRET_KEY", default=""))


def required(name: str, development: str) -> str:
    """The variable `name`; in development `development` stands in for a missing one."""
    value: str = env.text(name, default="")
    if value:
        return value
    if DEVELOPMENT:
        return development
    raise ImproperlyConfigured(
        f"The environment variable {name} is missing. docs/configuration.md lists all of them."
    )


# --- This server ---------------------------------------------------------------------------------
SECRET_KEY = required("SECRET_KEY", "development-only-" + "not-a-secret-" * 4)
SECRET_KEY_FALLBACKS = env.listed("SECRET_KEY_FALLBACKS", default=[])
_DEVELOPMENT_KEY = "dev:ZGV2ZWxvcG1lbnQtb25seS1ub3QtYS1zZWNyZXQhISE="
ENCRYPTION_KEYS = env.keys("ENCRYPTION_KEYS", default=_DEVELOPMENT_KEY if DEVELOPMENT else "")
required("PUBLIC_BASE_URL", _public.url)
PUBLIC_BASE_URL = _public.url
ALLOWED_HOSTS = env.listed("ALLOWED_HOSTS", default=[_public.netloc_host])
if LOOPBACK:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "[::1]"]
WEB_WORKERS = env.whole("WEB_WORKERS", default=2, least=1)
WEB_THREADS = 32
# Shared by a process's threads, which hold none while they wait for a provider (core.db.lending).
WEB_DATABASE_CONNECTIONS = 6
# How long a page or an API request waits for each answer of PostgreSQL. Deliveries: workflows.inbox.fast.wsgi.
DATABASE_PATIENCE_SECONDS = 10.0
TASK_WORKERS = env.whole("TASK_WORKERS", default=2, least=1)
# Names this machine's background workers to the watchdog; two `up` on one host need two names.
NODE_NAME = env.text("NODE_NAME", default=socket.gethostname())
SENTRY_DSN = env.text("SENTRY_DSN", default="")
# Who sends it as a bearer token may read /metrics; in development anybody on this machine may without one.
METRICS_TOKEN = env.text("METRICS_TOKEN", default="")
if METRICS_TOKEN and len(METRICS_TOKEN) < 16:
    raise ImproperlyConfigured("METRICS_TOKEN needs at least 16 characters (openssl rand -hex 32).")
HTTPS = _public.scheme == "https"
# How many proxies of ours are in front, each of which adds an address to X-Forwarded-For; 0: none is trusted.
TRUSTED_PROXIES = env.whole("TRUSTED_PROXIES", default=0)

# --- PagerDuty -----------------------------------------------------------------------------------
# Without a client of its own a development machine talks to the sandbox, one port above the web server.
SANDBOX_URL = f"http://127.0.0.1:{(_public.port or 8000) + 1}"
_sandboxed = DEVELOPMENT and not env.has("PAGERDUTY_CLIENT_ID")


def _pagerduty(name: str, real: str, sandbox: str) -> str:
    default = sandbox if _sandboxed else real
    name = f"PAGERDUTY_{name}"
    return env.service(name, default) if "_URL" in name else env.text(name, default)


PAGERDUTY_CLIENT_ID = _pagerduty("CLIENT_ID", "", "taskjuice-development")
PAGERDUTY_CLIENT_SECRET = _pagerduty("CLIENT_SECRET", "", "sandbox-client-secret")
PAGERDUTY_OAUTH_MODE = env.one_of("PAGERDUTY_OAUTH_MODE", ("scoped", "classic"))
# Of a public scoped app: it is part of the address where a client's admin installs it.
PAGERDUTY_APP_ID = _pagerduty("APP_ID", "", "")
if PAGERDUTY_APP_ID and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", PAGERDUTY_APP_ID):
    raise ImproperlyConfigured("PAGERDUTY_APP_ID is the ID alone: letters, digits, - and _.")
PAGERDUTY_IDENTITY_URL = _pagerduty("IDENTITY_URL", "https://identity.pagerduty.com", SANDBOX_URL)
PAGERDUTY_API_URL = _pagerduty("API_URL", "https://api.pagerduty.com", SANDBOX_URL)
PAGERDUTY_API_URL_EU = _pagerduty("API_URL_EU", "https://api.eu.pagerduty.com", f"{SANDBOX_URL}/eu")
# How long after we sent it a write without an answer may still take effect. PagerDuty publishes no bound; gateways
# such as AWS's load balancers give up on a server after 60 seconds, and 5 are for getting there. The sandbox
# promises 15 (pagerduty_app.sandbox.control.faults).
PAGERDUTY_SETTLE_SECONDS = env.number(
    "PAGERDUTY_SETTLE_SECONDS", default=20.0 if PAGERDUTY_API_URL == SANDBOX_URL else 65.0
)
# The documentation and the printed samples disagree on the host, so both are accepted.
_issuers = {PAGERDUTY_IDENTITY_URL, PAGERDUTY_IDENTITY_URL.replace("//identity.", "//app.")}
PAGERDUTY_ID_TOKEN_ISSUERS = env.listed(
    "PAGERDUTY_ID_TOKEN_ISSUERS", default=sorted(f"{host}/global/oauth/anonymous" for host in _issuers)
)

# --- Hooks ---------------------------------------------------------------------------------------
# Lets hooks of this server be plain http and on this machine or network: to try them out, never to serve others.
HOOKS_ALLOW_PRIVATE = env.flag("HOOKS_ALLOW_PRIVATE", default=False)
if HOOKS_ALLOW_PRIVATE and not DEVELOPMENT:
    raise ImproperlyConfigured("HOOKS_ALLOW_PRIVATE is for development: anybody could reach this network.")

# --- Django --------------------------------------------------------------------------------------
ROOT_URLCONF = "taskjuice.urls"
WSGI_APPLICATION = "taskjuice.wsgi.application"
AUTH_USER_MODEL = "connections.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = ["taskjuice.date_formats"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

INSTALLED_APPS = [
    "taskjuice",
    "pagerduty_app",
    "workflows",
    "connections",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "django_htmx",
    "django_structlog",
]

MIDDLEWARE = [
    "taskjuice.middleware.ClientAddressMiddleware",
    "taskjuice.middleware.RequestLogMiddleware",
    "connections.web.middleware.TenantScopeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "connections.web.middleware.ConsentPagesCspMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "taskjuice.endpoints.error_pages.ApiSlashMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "connections.web.middleware.PersonScopeMiddleware",
    "connections.accounts.sessions.SessionActivityMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "taskjuice.middleware.TimeZoneMiddleware",
    "taskjuice.middleware.HtmxRefreshMiddleware",
    "connections.web.second_factor.SecondFactorMiddleware",
]

FORM_RENDERER = "taskjuice.rendering.Renderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "connections.web.page_context.shell",
            ]
        },
    }
]


def _database(config: dict[str, Any]) -> dict[str, Any]:
    """Connection settings with what each engine needs to lose nothing under load."""
    config["CONN_MAX_AGE"] = 60
    if config["ENGINE"].endswith("sqlite3"):
        # WAL and IMMEDIATE together are what keeps 16 writers free of "database is locked";
        # synchronous=FULL is what makes a committed event survive a power cut.
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
        if config["NAME"] != ":memory:":
            config["NAME"] = str(BASE_DIR / config["NAME"])
            Path(config["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    else:
        config["ENGINE"] = "core.db.postgresql"  # Django's, with the tenant scope
        config["CONN_HEALTH_CHECKS"] = True
        # Milliseconds after which a server that takes nothing any more is taken for gone.
        config.setdefault("OPTIONS", {}).update(connect_timeout=5, tcp_user_timeout=10_000)
        if role := env.text("DATABASE_ROLE", default=""):
            config["OPTIONS"]["assume_role"] = role
    return config


DATABASES = {
    "default": _database(
        env.database("DATABASE_URL", "sqlite:///var/taskjuice.sqlite3", password="DATABASE_PASSWORD")  # noqa: S106
    )
}


def _cache(config: dict[str, Any]) -> dict[str, Any]:
    """Cache settings; a Redis may go away and is not waited for long."""
    if "redis" in config["BACKEND"].lower():
        config["BACKEND"] = "taskjuice.cache.SteadyRedis"
        # Values of version 1 are pickles of earlier releases, which are not read any more.
        config.setdefault("VERSION", 2)
        config.setdefault("OPTIONS", {}).update(socket_connect_timeout=0.5, socket_timeout=0.5)
    return config


CACHES = {"default": _cache(env.cache("CACHE_URL", "locmemcache://", password="CACHE_PASSWORD"))}  # noqa: S106

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEVELOPMENT
WHITENOISE_AUTOREFRESH = DEBUG
if not DEVELOPMENT:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

vars().update(env.email("EMAIL_URL", default="consolemail://"))
_mail_host = "localhost" if ":" in _public.host else _public.host
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", default=f"TaskJuice <no-reply@{_mail_host}>")

# --- Security ------------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
# Only a proxy in front speaks https. Where there is none, what a client says of itself is not believed.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REDIRECT_EXEMPT = [f"^{prefix[1:]}$" for prefix in prefixes(Differs.PLAIN_HTTP)]
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],  # and consent pages (connections.web.middleware.ConsentPagesCspMiddleware)
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

# --- Signing in (allauth), and providers that are connected rather than signed in with ------------
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "connections.web.forms.SignUpForm"
EMAIL_TIMEOUT = 15
# If mails are only printed, no address could be confirmed. Elsewhere an unconfirmed address cannot sign in, and
# signing up does not reveal who has an account.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if env.has("EMAIL_URL") and not DEVELOPMENT else "optional"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_FORMS = {
    "change_password": "connections.accounts.forms.ChangePassword",
    "reset_password_from_key": "connections.accounts.forms.ResetPasswordKey",
}
ACCOUNT_ADAPTER = "connections.accounts.sessions.AccountAdapter"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""  # the subjects say TaskJuice themselves
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a changed password or second factor is told to the address it belongs to
# Members of an agency need a second factor when it says so; who gets into the admin always does.
ADMIN_NEEDS_SECOND_FACTOR = not DEVELOPMENT
MFA_TOTP_ISSUER = "TaskJuice"  # in the authenticator app; otherwise the host and port of the request
MFA_ADAPTER = "connections.accounts.mfa.SealedSecrets"
SOCIALACCOUNT_ADAPTER = "connections.connecting.adapter.ConnectorAdapter"
SOCIALACCOUNT_STORE_TOKENS = False

# --- REST API ------------------------------------------------------------------------------------
API_PER_MINUTE = env.whole("API_PER_MINUTE", default=12_000)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "connections.api.authentication.ApiKeyAuthentication",
        "connections.api.authentication.PersonAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["connections.api.parsing.StorableJsonParser"],
    "DEFAULT_SCHEMA_CLASS": "connections.api.openapi.Schema",
    "DEFAULT_THROTTLE_CLASSES": ["connections.api.throttling.PerCaller"],
    "EXCEPTION_HANDLER": "connections.api.errors.to_response",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
    "NUM_PROXIES": 0,  # REMOTE_ADDR is the client's already (taskjuice.middleware.ClientAddressMiddleware)
}
_API_INTRODUCTION = f"""Manage connections, triggers, actions, workflows and runs.

- **Base URL**: `{PUBLIC_BASE_URL}/api/v1/`
- **Authentication**: `Authorization: Bearer tj_…`, an API key of a workspace (Settings → API keys).
- **Scopes**: each operation names the scopes that its key needs; without them the answer is 403.
- **Pagination**: lists return `next` and `previous`; `limit` sets the rows per page, 50 by default, 200 at most.
- **Idempotency**: with an `Idempotency-Key`, a repeated request returns the first result instead of running twice.
- **Rate limit**: {API_PER_MINUTE:,} requests a minute for each key; beyond it 429 with `Retry-After`.
- **Errors**: `{{"error": {{"code", "message", "retryable", …}}}}`; invalid fields are named in `fields`.
"""
SPECTACULAR_SETTINGS = {
    "TITLE": "TaskJuice",
    "DESCRIPTION": _API_INTRODUCTION,
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "ConnectionStatus": "connections.models.Connection.Status",
        "TriggerStatus": "workflows.models.Trigger.Status",
        "EventStatus": "workflows.models.Event.Status",
        "WorkflowStatus": "workflows.models.Workflow.Status",
        "RunStatus": "workflows.models.Run.Status",
        "RunPauseReason": "workflows.models.Run.PauseReason",
        "WorkflowPauseReason": "workflows.models.Workflow.PauseReason",
        "HookStatus": "workflows.models.Hook.Status",
        "HookPauseReason": "workflows.models.Hook.PauseReason",
        "HookDeliveryStatus": "workflows.models.HookDelivery.Status",
    },
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Background work -----------------------------------------------------------------------------
# The queue holds wake-ups only: our own rows hold the work, so a task that is lost or run twice changes nothing.
Q_CLUSTER = {
    "name": "taskjuice",
    "orm": "default",
    "broker_class": "taskjuice.process.broker.WakeupBroker",
    "workers": TASK_WORKERS,
    "queue_limit": 2,
    "bulk": 1,
    "timeout": 150,  # no attempt takes as long (workflows.calls.attempt)
    "retry": 180,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,
    # By memory, in KB, not by the number of tasks: a process ends only when what it has in flight has ended.
    "recycle": 1_000_000,
    "max_rss": 256 * 1024,
    # It would run any function that a row of its table names.
    "scheduler": False,
    "catch_up": False,
    "guard_cycle": 0.5,
    "label": "Background tasks",
}

LOGGING = logging_config(json=not DEVELOPMENT)
if SENTRY_DSN:
    try:
        Dsn(SENTRY_DSN)
    except BadDsn:
        raise refused("SENTRY_DSN", "is not a DSN as Sentry shows it") from None
    # Local variables stay out of reports: a frame may hold a token.
    sentry_sdk.init(
        SENTRY_DSN,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=without_query,
        before_send_transaction=without_query,
    )
DJANGO_STRUCTLOG_USER_ID_FIELD = "pk"
