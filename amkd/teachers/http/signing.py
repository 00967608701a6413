"""Signs requests by AWS Signature 4, through botocore and the credentials that it finds."""

from typing import Any

import httpx

from amkd.core.errors import UserError
from amkd.core.extras import require
from amkd.core.redaction import Hidden
from amkd.teachers.http.connection import Connection, is_loopback

_FIELD = "config.teacher.http"


class Signer:
    """Signs requests for one service and region; may be called from several threads."""

    def __init__(self, connection: Connection, url: httpx.URL) -> None:
        """Finds the credentials: environment, profile, or the role of the machine.

        Raises:
          UserError: botocore or the credentials are missing, a field is missing, or the session's
            token would be sent unencrypted.
        """
        self._service, self._region = connection.aws_service, connection.aws_region
        where = f"{_FIELD}.aws_service={self._service!r}"
        if not self._region:
            raise UserError(f"{_FIELD}.aws_region='': {where} needs it, such as eu-west-1")
        if connection.auth_env or connection.auth_file:
            raise UserError(
                f"{where} signs requests with the credentials of AWS: leave {_FIELD}.auth_env and"
                f" {_FIELD}.auth_file empty"
            )
        if url.scheme == "http" and not is_loopback(url):
            raise UserError(
                f"{_FIELD}.url would send credentials unencrypted over the network: use https://"
            )
        session = require("botocore.session", extra="aws", field=where)
        self._auth = require("botocore.auth", extra="aws", field=where).SigV4Auth
        self._request = require("botocore.awsrequest", extra="aws", field=where).AWSRequest
        self._credentials = self._found(session.get_session(), where)
        self._hidden: dict[str, Hidden] = {}
        self._freeze()

    def _found(self, session: Any, where: str) -> Any:
        try:
            credentials = session.get_credentials()
        except Exception as error:  # any error of botocore about a file of credentials
            raise UserError(
                f"{where}: the credentials of AWS cannot be read ({type(error).__name__}): check"
                " AWS_PROFILE and its files"
            ) from error
        if credentials is None:
            raise UserError(
                f"{where}: no credentials of AWS were found: set AWS_ACCESS_KEY_ID and"
                " AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this machine a role"
            )
        return credentials

    def _freeze(self) -> Any:
        """Returns the current credentials, which no message shows from now on."""
        found = self._credentials.get_frozen_credentials()
        if found.secret_key not in self._hidden:
            self._hidden[found.secret_key] = Hidden(found.secret_key, found.token or "")
        return found

    def headers(
        self, method: str, url: httpx.URL, headers: dict[str, str], content: bytes
    ) -> dict[str, str]:
        """Returns the headers that sign a request, for the current time.

        Args:
          method: HTTP method.
          url: the address.
          headers: the other headers; they are signed, too.
          content: the body.
        """
        request = self._request(method=method, url=str(url), headers=headers, data=content)
        self._auth(self._freeze(), self._service, self._region).add_auth(request)
        return {
            name: value for name, value in request.headers.items() if headers.get(name) != value
        }
