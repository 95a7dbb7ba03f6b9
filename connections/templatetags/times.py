"""Times on pages: the reader's zone in words, the exact UTC on hover."""

from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def moment(value: datetime | None, otherwise: str = "never") -> SafeString | str:
    """<time> for an aware datetime; `otherwise` for None."""
    if value is None:
        return otherwise
    local = timezone.localtime(value)
    exact = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        exact.isoformat(),
        exact.strftime("%Y-%m-%d %H:%M:%S"),
        local.strftime("%-d %b %Y, %H:%M"),
    )
