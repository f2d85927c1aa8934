"""The client of the Runtime API, on a plain socket: `http.client` costs 16 ms of a cold start."""

import json
import socket

READ_BYTES = 65536
RUNTIME = "/2018-06-01/runtime"


class Event:
    """One event: its bytes and what the head says."""

    def __init__(self, headers, payload):
        self.payload = payload
        self.request_id = headers.get("lambda-runtime-aws-request-id", "")
        self.deadline_ms = int(headers.get("lambda-runtime-deadline-ms", "0"))
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn", "")
        self.trace_id = headers.get("lambda-runtime-trace-id")
        self.client_context = json_of(headers.get("lambda-runtime-client-context"))
        self.cognito_identity = json_of(headers.get("lambda-runtime-cognito-identity"))
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")


def json_of(text):
    # Heads are read as latin-1; JSON in them is UTF-8.
    return json.loads(text.encode("latin-1")) if text else None


class Connection:
    """A keep-alive connection. A response and the wish for the next event travel in one write."""

    def __init__(self, address):
        self.host = address
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""
        self.asked = False

    def next(self):
        if not self.asked:
            self.socket.sendall(self.next_request())
        self.asked = False
        return Event(*self.read())

    def respond(self, request_id, body, content_type):
        head = self.post(f"/invocation/{request_id}/response", f"Content-Type: {content_type}\r\n", body)
        self.socket.sendall(head + body + self.next_request())
        self.asked = True
        self.read()

    def error(self, request_id, failure):
        self.send_failure(f"/invocation/{request_id}/error", failure)

    def init_error(self, failure):
        self.send_failure("/init/error", failure)

    def send_failure(self, path, failure):
        body = json.dumps(failure).encode()
        kind = failure["errorType"].encode("ascii", "backslashreplace").decode()
        headers = f"Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: {kind}\r\n"
        self.socket.sendall(self.post(path, headers, body) + body)
        self.read()

    def post(self, path, headers, body):
        head = f"POST {RUNTIME}{path} HTTP/1.1\r\nHost: {self.host}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        return head.encode("latin-1")

    def next_request(self):
        return f"GET {RUNTIME}/invocation/next HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode()

    def read(self):
        """The next answer: its headers by lower-case name, and its body."""
        while (end := self.unread.find(b"\r\n\r\n")) == -1:
            self.unread += self.receive()
        headers = {}
        for line in self.unread[:end].decode("latin-1").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        pieces = [self.unread[end + 4 :]]
        have = len(pieces[0])
        while have < length:
            pieces.append(self.receive())
            have += len(pieces[-1])
        body = b"".join(pieces)
        self.unread = body[length:]
        return headers, body[:length]

    def receive(self):
        piece = self.socket.recv(READ_BYTES)
        if not piece:
            raise SystemExit(1)
        return piece
