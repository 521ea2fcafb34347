"""jinja2 exactly as transformers sets it up, with a fixed time: what the tests' expected texts come from."""
import datetime
import json

from transformers.utils import chat_template_utils as utils

NOW = 1767323045  # Friday, 2 January 2026, 03:04:05 UTC


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, datetime.timezone.utc).replace(tzinfo=None)


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
