"""The second parameter of a handler."""

import os
import time


class LambdaContext:
    def __init__(self, event):
        self.aws_request_id = event.request_id
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = event.invoked_function_arn
        self.tenant_id = event.tenant_id
        self.client_context = ClientContext(event.client_context) if event.client_context else None
        self.identity = CognitoIdentity(event.cognito_identity or {})
        self._deadline_ms = event.deadline_ms

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message):
        print(message, end="", flush=True)


class CognitoIdentity:
    def __init__(self, identity):
        self.cognito_identity_id = identity.get("cognitoIdentityId")
        self.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")


class Client:
    FIELDS = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")

    def __init__(self, client):
        for field in self.FIELDS:
            setattr(self, field, client.get(field))


class ClientContext:
    def __init__(self, context):
        self.custom = context.get("custom")
        self.env = context.get("env")
        self.client = Client(context["client"]) if context.get("client") else None
