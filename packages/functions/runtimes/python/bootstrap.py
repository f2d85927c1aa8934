"""The Python runtime: what runs in the sandbox of a function whose runtime is `python3…`. Only the standard library."""

import os
import sys

sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])

import lambda_runtime_api as api  # noqa: E402
import lambda_runtime_errors as errors  # noqa: E402
import lambda_runtime_handler as handlers  # noqa: E402
import lambda_runtime_logging as logs  # noqa: E402
from lambda_runtime_context import LambdaContext  # noqa: E402


def main():
    logs.install()
    connection = api.Connection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = handlers.load(os.environ["_HANDLER"])
    except Exception as error:  # SystemExit and KeyboardInterrupt end the process, as they would anywhere.
        failure = errors.describe(error, "")
        logs.log_error(failure)
        connection.init_error(failure)
        sys.exit(1)
    while True:
        event = connection.next()
        logs.request_id = event.request_id
        set_trace(event.trace_id)
        try:
            answer = handlers.call(handler, event.payload, LambdaContext(event))
        except Exception as error:
            failure = errors.describe(error, event.request_id)
            logs.log_error(failure)
            connection.error(event.request_id, failure)
        else:
            connection.respond(event.request_id, *answer)


def set_trace(trace_id):
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)


main()
