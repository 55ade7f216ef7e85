"""The security headers of all responses, after the OWASP Secure Headers Project and ASVS 5.0, section 3.4."""

from __future__ import annotations

# No inline scripts or styles, no eval, no other origins. Arrows and check marks are data: images.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A JSON response must not be executed, framed, or interpreted as another type.
JSON = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def strict_transport(seconds: int) -> str:
    """Return the value of Strict-Transport-Security, or "" for 0 seconds.

    It is sent only over HTTPS: browsers ignore it over HTTP (RFC 6797, 7.2).
    """
    return f"max-age={seconds}; includeSubDomains" if seconds else ""
