"""What callers get of an exception."""

import os
import traceback

OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))


class RuntimeFailure(Exception):
    """One of the runtime's own errors, without a stack unless it is given."""

    def __init__(self, kind, message, stack=()):
        super().__init__(message)
        self.kind = kind
        self.stack = list(stack)


def describe(error, request_id):
    """`{ errorMessage, errorType, requestId, stackTrace }`, the trace from the handler on."""
    if isinstance(error, RuntimeFailure):
        kind, stack = error.kind, error.stack
    else:
        kind = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if not belongs_to_runtime(frame.filename)]
        stack = traceback.format_list(own)
    return {"errorMessage": str(error), "errorType": kind, "requestId": request_id, "stackTrace": stack}


def belongs_to_runtime(filename):
    return os.path.dirname(filename) == OWN_FOLDER or filename.startswith("<frozen importlib")
