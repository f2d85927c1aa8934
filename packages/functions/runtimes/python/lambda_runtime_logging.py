"""The root logger writes lines as AWS's runtime does, in text or JSON."""

import json
import logging
import os
import sys
import time

request_id = None
LEVELS = {"TRACE": "NOTSET", "FATAL": "CRITICAL"}


def is_json():
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


def install():
    # Lines leave at once: the environment is frozen after the answer.
    sys.stdout.reconfigure(line_buffering=True)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter() if is_json() else TextFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    if is_json() and level:
        root.setLevel(LEVELS.get(level, level))


def log_error(failure):
    if is_json():
        line = {"timestamp": timestamp(time.time()), "level": "ERROR", "log_level": "ERROR", **failure}
        print(json.dumps(line), flush=True)
        return
    lines = [f"[ERROR] {failure['errorType']}: {failure['errorMessage']}"]
    if failure["stackTrace"]:
        lines += ["Traceback (most recent call last):", *(part.rstrip("\n") for part in failure["stackTrace"])]
    print("\n".join(lines).replace("\n", "\r"), flush=True)


def timestamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class TextFormatter(logging.Formatter):
    def format(self, record):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = f"[{record.levelname}]\t{stamp}.{int(record.msecs):03d}Z\t{request_id or ''}\t{record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text.replace("\n", "\r")


class JsonFormatter(logging.Formatter):
    def format(self, record):
        line = {
            "timestamp": timestamp(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if request_id:
            line["requestId"] = request_id
        if record.exc_info and record.exc_info[0] is not None:
            line["errorType"] = record.exc_info[0].__name__
            line["errorMessage"] = str(record.exc_info[1])
            line["stackTrace"] = self.formatException(record.exc_info).split("\n")
        return json.dumps(line, default=str)
