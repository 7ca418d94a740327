"""Errors for the person at the terminal: one line says what to do, and the lines below it what there is to choose.

exit status   meaning
-----------   ------------------------------------------------------------
0             done
1             it failed; standard error says why
2             wrong usage
3             a check failed: `doctor` found that something does not work, or `push test` that a device gets nothing
130           stopped with Ctrl-C
"""

from __future__ import annotations

DONE, FAILED, USAGE, UNWELL, STOPPED = 0, 1, 2, 3, 130


class Trouble(Exception):
    """Something that a person can cause and mend; the text is what is shown."""


def said(error: Exception, is_local: bool = False) -> str | None:
    """The line for an error of AWS's library; None for an error that is none of its.

    If `is_local`, the library spoke to an emulator on this machine. The library is imported only now, so that commands
    that do not use it start sooner.
    """
    from botocore import exceptions as aws

    if isinstance(error, aws.ClientError):
        return _refused(error)
    if not isinstance(error, aws.BotoCoreError):
        return None
    if isinstance(error, aws.NoCredentialsError | aws.PartialCredentialsError):
        return "there are no AWS credentials: name a profile with --profile, or run `aws configure`"
    if isinstance(error, aws.ProfileNotFound):
        return f"there is no AWS profile {error.kwargs.get('profile')}: `aws configure list-profiles` shows all"
    if isinstance(error, aws.NoRegionError):
        return "the AWS Region is not known: name it with --region"
    if isinstance(error, aws.SSOError | aws.TokenRetrievalError):
        return "the AWS sign-in has ended: run `aws sso login`"
    if isinstance(error, aws.ConnectionError | aws.HTTPClientError):
        url = str(error.kwargs.get("endpoint_url") or "").rstrip("/")
        place = f" at {url}" if url else ""
        if is_local:
            return f"nothing answers{place}: stop `make run` and start it again"
        return f"AWS cannot be reached{place}: check the Region and the network"
    return " ".join(str(error).split())


_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN = {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidAccessKeyId"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}


def _refused(error: object) -> str:
    response = getattr(error, "response", {}).get("Error", {})
    code, operation = str(response.get("Code", "")), str(getattr(error, "operation_name", ""))
    if code in _EXPIRED:
        return "the AWS credentials have expired: sign in again, for example with `aws sso login`"
    if code in _UNKNOWN:
        return "AWS does not know these credentials: check the profile (--profile) and the clock of this machine"
    message = " ".join(str(response.get("Message", "")).split())
    if code in _DENIED:
        return f"AWS does not allow {operation} with these credentials: {message}"
    return f"AWS refused {operation} ({code}): {message}"
