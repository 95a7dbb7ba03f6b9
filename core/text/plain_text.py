"""Turn a provider's text into one that may be stored and shown: one short line, no markup, no secrets."""

import re
from collections.abc import Iterable
from html import unescape
from urllib.parse import quote

# Characters read of a body or a text; the result is far shorter.
_LONGEST_READ = 4_000
_REMOVED = "[removed]"
_SHORTEST_SECRET = 8
# A partly echoed token is recognised by its beginning.
_BEGINNING = 12
_CHARACTER = r"[A-Za-z0-9._~+/=%-]"
# With a digit, or long: an ordinary word in the place of a secret stays.
_SECRET = rf"(?=\S*\d|\S{{16}}){_CHARACTER}{{6,}}"
_NAMES = (
    "authorization|access_token|refresh_token|id_token|client_secret|code_verifier|password|api_?key|secret"
)
_WITH_SECRETS = (
    re.compile(rf"(\b(?:Bearer|Basic)\s+|\btoken\s*=\s*[\"']?){_SECRET}", re.IGNORECASE),
    re.compile(rf"((?:{_NAMES})[\"']?\s*[:=]\s*[\"']?){_SECRET}", re.IGNORECASE),
    re.compile(rf"()\beyJ[\w-]+\.{_CHARACTER}+"),  # a JSON web token
)
_UNSEEN = re.compile(r"<!--.*?-->|<(script|style|svg)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^<>]*>([^<]+)</title", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


def of(text: str, secrets: Iterable[str] = (), *, longest: int) -> str:
    """Return one line of printable characters, at most `longest`, without secrets."""
    text = text[:_LONGEST_READ]
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            for begins in dict.fromkeys((secret[:_BEGINNING], quote(secret[:_BEGINNING], safe=""))):
                text = re.sub(rf"{re.escape(begins)}{_CHARACTER}*", _REMOVED, text)
    for pattern in _WITH_SECRETS:
        text = pattern.sub(rf"\1{_REMOVED}", text)
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def of_page(content: bytes, secrets: Iterable[str] = (), *, longest: int) -> str:
    """Return the same for a body that is not JSON: the title of an HTML page, else its words, else ""."""
    text = content[:_LONGEST_READ].decode(errors="replace").replace("\x00", "").strip()
    if text[:1] in ("{", "["):
        return ""  # truncated JSON, or nested too deeply
    if "<" in text:
        title = _TITLE.search(text)
        text = title[1] if title else _TAG.sub(" ", _UNSEEN.sub(" ", text))
        text = _TAG.sub(" ", unescape(text))
    said = of(text, secrets, longest=longest)
    return said if any(one.isalnum() for one in said) else ""
