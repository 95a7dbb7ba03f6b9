"""Stylesheets: one format, and every page links those that there are, in the order that the cascade needs."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from tools import css_format

STYLES = ["css/base.css", "css/layout.css", "css/components.css", "css/pages.css"]


@pytest.mark.django_db
def test_pages_link_the_stylesheets_in_order(client: Client) -> None:
    page = client.get("/accounts/login/").content.decode()

    assert re.findall(r'<link rel="stylesheet" href="/static/([^"]+)">', page) == STYLES


def test_the_page_of_an_error_links_the_same(client: Client) -> None:
    """It is rendered without the tag that knows the hashed names, which may be what failed."""
    page = (settings.BASE_DIR / "templates" / "500.html").read_text()

    assert re.findall(r'<link rel="stylesheet" href="/static/([^"]+)">', page) == STYLES


def test_one_declaration_a_line() -> None:
    assert css_format.formatted("a{color:red;margin:0}ul > li:has(> .x){top:calc(1rem - 1px)}") == (
        "a {\n  color: red;\n  margin: 0\n}\n\nul > li:has(> .x) {\n  top: calc(1rem - 1px)\n}\n"
    )


@pytest.mark.parametrize("path", css_format.tracked(), ids=str)
def test_each_stylesheet_has_the_format(path: Path) -> None:
    css = path.read_text()

    assert css_format.formatted(css) == css
