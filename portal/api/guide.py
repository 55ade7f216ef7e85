"""The introduction of the API's documentation: rules that hold for all endpoints, and the groups of endpoints."""

GUIDE = """\
Send a token of the Tokens page as `Authorization: Bearer <token>`, or as `x-api-key: <token>`. Session cookies are \
ignored.

Every error has the same body: `code` equals the HTTP status, and `errorMessage` says what to change. Nothing is \
ignored silently: unknown parameters and fields are errors. In a JSON body, `null` for an optional field means \
"not given". Later releases may add keys to answers, so ignore keys that you do not know.

To poll, send the `ETag` of the last answer as `If-None-Match`: the answer is 304 without a body while nothing has \
changed. To read all pages while batches are created, walk with `sortOrder=asc`, or send a fixed `createdTo`: then \
new batches do not move others to the next page.

Requests that create something take an `Idempotency-Key`, so that they can be repeated after a lost answer. For a 429 \
or 503, wait as many seconds as `Retry-After` says. Every answer has an `X-Request-Id`, which the log repeats."""

TAGS = {
    "batches": "Campaigns: lists of contacts for a dialer to call.",
    "calls": "The calls of a batch and their results.",
    "dialing": "Trunks, caller numbers and do-not-call lists.",
}
