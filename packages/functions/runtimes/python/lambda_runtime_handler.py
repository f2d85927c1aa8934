"""Finds the handler, and calls it."""

import importlib
import json
from decimal import Decimal

from lambda_runtime_errors import RuntimeFailure


def load(name):
    """The function that `_HANDLER` names: `package/module.function`."""
    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError as error:
        raise RuntimeFailure("Runtime.MalformedHandlerName", f"Bad handler '{name}': {error}") from None
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise RuntimeFailure("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from None
    except SyntaxError as error:
        line = f'  File "{error.filename}", line {error.lineno}\n    {error.text}'
        raise RuntimeFailure("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", [line]) from None
    try:
        return getattr(module, function_name)
    except AttributeError:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise RuntimeFailure("Runtime.HandlerNotFound", message) from None


def call(handler, payload, context):
    """@returns body and content type"""
    try:
        event = json.loads(payload)
    except ValueError as error:
        raise RuntimeFailure("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
    result = handler(event, context)
    if isinstance(result, bytes):
        return result, "application/octet-stream"
    try:
        return json.dumps(result, ensure_ascii=False, default=plain).encode(), "application/json"
    except (TypeError, ValueError, UnicodeError) as error:
        raise RuntimeFailure("Runtime.MarshalError", f"Unable to marshal response: {error}") from None


def plain(value):
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
