"""jinja2 exactly as transformers sets it up, with a fixed time: what the tests' expected texts come from."""
import datetime
import functools
import json

from jinja2 import filters
from transformers.utils import chat_template_utils as utils

NOW = 1767323045  # Friday, 2 January 2026, 03:04:05 UTC


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, datetime.timezone.utc).replace(tzinfo=None)


class Lazy:
    """A generator that prints without its address."""

    def __init__(self, inner):
        self.inner = inner

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.inner)

    def __repr__(self):
        return "<generator object>"


def without_address(filter_function):
    @functools.wraps(filter_function)
    def wrapper(*args, **named):
        result = filter_function(*args, **named)
        return Lazy(result) if hasattr(result, "__next__") and not isinstance(result, Lazy) else result
    return wrapper


for name, function in list(filters.FILTERS.items()):
    filters.FILTERS[name] = without_address(function)
utils.datetime = FixedTime
compile_template = getattr(utils._compile_jinja_template, "__wrapped__", utils._compile_jinja_template)


def render(source, variables):
    """('out', text) or ('raise', text of raise_exception) or ('error', class name)."""
    import jinja2

    variables = json.loads(json.dumps(variables))
    try:
        return "out", compile_template(source).render(**variables)
    except jinja2.exceptions.TemplateError as e:
        if type(e) is jinja2.exceptions.TemplateError:
            return "raise", str(e)
        return "error", type(e).__name__
    except RecursionError:
        return "error", "RecursionError"
    except Exception as e:  # noqa: BLE001 - whatever Python raises inside a template is an error there
        return "error", type(e).__name__
