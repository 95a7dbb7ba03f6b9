"""Times on pages: the reader's zone in words, the exact UTC on hover."""

from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def moment(value: datetime | None, otherwise: str = "never", *, seconds: bool = False) -> SafeString | str:
    """<time> for an aware datetime; `otherwise` for None. UTC is named: it may not be the reader's zone.

    seconds: with them, and without the day if it is today, for what is about to happen.
    """
    if value is None:
        return otherwise
    exact = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        exact.isoformat(),
        exact.strftime("%Y-%m-%d %H:%M:%S"),
        _soon(value) if seconds else plain_moment(value),
    )


@register.filter
def plain_moment(value: datetime) -> str:
    """Return the words of `moment` alone, for places that take text only, such as an <option>."""
    local = timezone.localtime(value)
    words = "%-d %b %Y, %H:%M" if local.year != timezone.localtime().year else "%-d %b, %H:%M"
    return local.strftime(words) + _zone()


def _soon(value: datetime) -> str:
    local = timezone.localtime(value)
    today = local.date() == timezone.localdate()
    return local.strftime("%H:%M:%S" if today else "%-d %b, %H:%M:%S") + _zone()


def _zone() -> str:
    return " UTC" if timezone.get_current_timezone_name() == "UTC" else ""
