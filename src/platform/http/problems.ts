import { defineProblem } from '../contract/problem.js';

export class MalformedRequest extends defineProblem('malformed_request', 400, 'The request cannot be read', {
  cause:
    'The URL, a header or the body breaks the grammar of HTTP or JSON: broken JSON, a key that stands twice, invalid UTF-8, a NUL, or more than 32 levels.',
  mend: 'Send well-formed UTF-8 JSON and a well-formed URL.',
}) {}

export class ParameterInvalid extends defineProblem('parameter_invalid', 400, 'A parameter of the URL is not valid', {
  cause: 'A path or query parameter is unknown or of the wrong form.',
  mend: 'See `errors`: each names the parameter and says what is allowed.',
}) {}

export class ValidationFailed extends defineProblem('validation_failed', 422, 'The request is not valid', {
  cause: 'The body was understood, but some of its members are wrong, missing or unknown.',
  mend: 'See `errors`: each points to a member (RFC 6901) and says what is wrong.',
}) {}

export class RouteNotFound extends defineProblem('not_found', 404, 'There is nothing at this address', {
  cause: 'No route has this path.',
  mend: 'Compare the path with the document at /docs.',
}) {}

export class MethodNotAllowed extends defineProblem(
  'method_not_allowed',
  405,
  'This address does not know this method',
  {
    cause: 'The path exists, with other methods.',
    mend: 'Use one of the methods in the `Allow` header.',
  },
) {}

export class RequestTimedOut extends defineProblem('request_timeout', 408, 'The request did not arrive in time', {
  cause: 'The headers or the body were sent too slowly.',
  mend: 'Send the request again in one go.',
}) {}

export class PreconditionFailed extends defineProblem('precondition_failed', 412, 'It has changed meanwhile', {
  cause: 'The version in `If-Match` is not the present one: somebody else changed it.',
  mend: 'Read it again, repeat the change on what you see, and send the new ETag.',
}) {}

export class PayloadTooLarge extends defineProblem('payload_too_large', 413, 'The body is too large', {
  cause: 'The body is larger than this server accepts (1 MiB; 256 KiB of XML).',
  mend: 'Send less, or in parts.',
}) {}

export class UriTooLong extends defineProblem('uri_too_long', 414, 'The URL is too long', {
  cause: 'The URL or a part of its path is longer than this server accepts.',
  mend: 'Shorten the query, or split the question.',
}) {}

export class UnsupportedMediaType extends defineProblem(
  'unsupported_media_type',
  415,
  'The body is of a type that is not understood',
  {
    cause: 'The `Content-Type` is missing or is not one that this route reads.',
    mend: 'Send `application/json`; PATCH also reads `application/merge-patch+json`.',
  },
) {}

export class HeadersTooLarge extends defineProblem('headers_too_large', 431, 'The headers are too large', {
  cause: 'The header fields take more than 16 KiB together.',
  mend: 'Send fewer or shorter header fields.',
}) {}

export class InternalError extends defineProblem('internal_error', 500, 'Something went wrong here', {
  cause: 'A fault of the server. Its cause is in the log under the `requestId`.',
  mend: 'Try again later; if it stays, give the operator the `requestId`.',
}) {}

export class ServiceUnavailable extends defineProblem('service_unavailable', 503, 'Not available at the moment', {
  cause: 'The database is late or away, or the server is stopping. It is not known whether a change was made.',
  mend: 'Wait as long as `Retry-After` says, then try again.',
}) {}

export class FilterTooCostly extends defineProblem('filter_too_costly', 422, 'This filter takes too long', {
  cause: 'The question was cut after 2 seconds: this pair of sort and filter has no index that serves it.',
  mend: 'Narrow the filter, or use one of the pairs that the documentation lists.',
}) {}

export class TokenMissing extends defineProblem('token_missing', 401, 'Who are you?', {
  cause: 'The request carries no access token.',
  mend: 'Sign in, and send `Authorization: Bearer <accessToken>`.',
}) {}

export class TokenInvalid extends defineProblem('token_invalid', 401, 'This access token is not valid', {
  cause: 'The token is malformed, was not signed by this server for this audience, or is a token of another kind.',
  mend: 'Sign in again, and send the `accessToken` unchanged.',
}) {}

export class TokenExpired extends defineProblem('token_expired', 401, 'This access token has expired', {
  cause: 'Access tokens live ten minutes.',
  mend: 'Call `POST /api/v1/auth/refresh` with your refresh token.',
}) {}

export class TokenRevoked extends defineProblem('token_revoked', 401, 'This session has ended', {
  cause: 'The session was signed out or the key revoked, or the user was suspended or deleted.',
  mend: 'Sign in again, or use another key.',
}) {}

export class PermissionDenied extends defineProblem('permission_denied', 403, 'You may not do this', {
  cause: 'Your roles do not give the permission that this operation asks for (`x-permission` in the document).',
  mend: 'Ask an administrator for a role that holds it.',
}) {}

export class ScopeInsufficient extends defineProblem('scope_insufficient', 403, 'This key is not made for this', {
  cause:
    'The key is one of somebody who may do this, but this was not among the scopes that it was given: the permission of the operation, or `me` for what only wants somebody signed in.',
  mend: 'Use a key that has the scope in the `WWW-Authenticate` header (RFC 6750, 3.1), or sign in.',
}) {}

export class ReauthenticationRequired extends defineProblem(
  'reauthentication_required',
  403,
  'Prove once more who you are',
  {
    cause:
      'What you ask for decides over an account. It wants a sign-in, or a second factor, of the last five minutes, by the person themselves: no key, and nobody who acts for another.',
    mend: 'Call `POST /api/v1/auth/step-up`, then ask again with the new access token.',
  },
) {}

export class SecondFactorRequired extends defineProblem(
  'second_factor_required',
  403,
  'Your role asks for a second factor',
  {
    cause: 'One of your roles may be used only by those who have shown a second factor.',
    mend: 'Add a factor (`POST /api/v1/me/mfa/factors` or a passkey), then show it at `POST /api/v1/auth/step-up`.',
  },
) {}

export class CsrfRefused extends defineProblem('csrf_refused', 403, 'This request may come from another site', {
  cause: 'A request that rests on a cookie came without the right `X-CSRF-Token`, or from a foreign `Origin`.',
  mend: 'Send the `csrfToken` of the sign-in as `X-CSRF-Token`, from a page of an allowed origin.',
}) {}

export class PasswordChangeRequired extends defineProblem(
  'password_change_required',
  403,
  'Change your password first',
  {
    cause: 'You signed in with a one-time password.',
    mend: 'Call `POST /api/v1/me/password`, then sign in with the new one.',
  },
) {}
