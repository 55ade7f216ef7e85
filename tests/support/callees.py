"""The people called, played by SIPp: the last digit of a number decides what becomes of a call."""

from __future__ import annotations

# How each digit refuses a call: a final SIP response.
REFUSALS = {
    "5": "486 Busy Here",
    "7": "480 Temporarily Unavailable",
    "8": "404 Not Found",
    "9": "603 Decline",
}
RINGS_UNANSWERED, HANGS_UP = "6", "4"  # all other digits answer, and wait until the caller hangs up
ANSWER_MS, HANG_UP_MS = 200, 300

HEADERS = """[last_Via:]
[last_From:]
[last_To:];tag=callee[call_number]
[last_Call-ID:]
"""
SDP = """v=0
o=callee 1 1 IN IP4 [media_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
"""


def respond(line: str, headers: str = "", body: str = "", options: str = "", cseq: str = "[last_CSeq:]") -> str:
    """Return the step that sends a response to the caller."""
    length = "[len]" if body else "0"
    message = f"SIP/2.0 {line}\n{HEADERS}{cseq}\n{headers}Content-Length: {length}\n\n{body}"
    return f"<send {options}><![CDATA[\n{message}\n]]></send>"


def receive(request: str, options: str = "") -> str:
    """Return the step that waits for a request of the caller."""
    return f'<recv request="{request}" {options}/>'


def branch(digit: str, steps: list[str]) -> str:
    """Return the steps of calls to numbers with a last digit."""
    return "\n".join([f'<label id="digit{digit}"/>', *steps])


def refuse(line: str) -> list[str]:
    """Return the steps that refuse a call."""
    return [respond(line, options='retrans="500"'), receive("ACK", 'next="over"')]


def write_scenario(asterisk_port: int) -> str:
    """Return SIPp's scenario. It logs the number of each INVITE: the callees' own book of the calls."""
    special = {digit: refuse(line) for digit, line in REFUSALS.items()}
    special[RINGS_UNANSWERED] = [
        respond("180 Ringing"),
        receive("CANCEL"),
        respond("200 OK"),
        respond("487 Request Terminated", options='retrans="500"', cseq="CSeq: [cseq] INVITE"),
        receive("ACK", 'next="over"'),
    ]
    contact = "Contact: <sip:[local_ip]:[local_port]>\n"
    answer = [
        respond("180 Ringing", contact),
        f'<pause milliseconds="{ANSWER_MS}"/>',
        respond("200 OK", f"{contact}Content-Type: application/sdp\n", SDP, 'retrans="500"'),
        receive("ACK"),
    ]
    bye = f"""BYE sip:127.0.0.1:{asterisk_port} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: [$callee];tag=callee[call_number]
To: [$caller]
[last_Call-ID:]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0
"""
    special[HANGS_UP] = [
        *answer,
        f'<pause milliseconds="{HANG_UP_MS}"/>',
        f'<send retrans="500"><![CDATA[\n{bye}\n]]></send>',
        '<recv response="200" next="over"/>',
    ]
    tests = "\n".join(
        f'<ereg regexp="^INVITE sip:[+0-9]*{digit}@" search_in="msg" check_it="false" assign_to="is{digit}"/>'
        for digit in special
    )
    jumps = "\n".join(f'<nop next="digit{digit}" test="is{digit}"/>' for digit in special)
    others = "\n".join([*answer, receive("BYE"), respond("200 OK", options='next="over"')])
    branches = "\n".join(branch(digit, steps) for digit, steps in special.items())
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<scenario name="callees">
<recv request="INVITE"><action>
<ereg regexp="sip:([+0-9]+)@" search_in="msg" assign_to="uri,number"/>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="caller"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="callee"/>
<log message="[$number]"/>
{tests}
</action></recv>
{jumps}
{others}
{branches}
<label id="over"/>
<Reference variables="uri"/>
</scenario>
"""
