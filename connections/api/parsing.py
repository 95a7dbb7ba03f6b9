"""Reading a request's JSON: what could not be stored or answered again is refused at the door."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from core.text.json_sanitize import is_too_deep

_TOO_DEEP = "The JSON is nested too deeply."


class StorableJsonParser(JSONParser):
    """DRF's parser without lone surrogates, numbers beyond a float, and nesting without end."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
            if is_too_deep(data):
                raise ParseError(_TOO_DEEP)
            json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
        except RecursionError:
            raise ParseError(_TOO_DEEP) from None
        except ValueError:
            raise ParseError("The JSON holds characters or numbers that cannot be stored.") from None
        return data
