"""The cost of a text grows with its length and no faster, in every regular expression and parser of the portal.

Each gets long texts of its own characters. A parser of quadratic cost needs a hundred times the limit.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import portal
from portal.batches.settings import NewBatch
from portal.calls.parameters import CallListParameters
from portal.contacts import workbook_reader
from portal.web.json_body import parse_json_object, read_body
from portal.web.parameters import parse_query

LENGTH = 20_000
SECONDS = 0.3  # of processor time for one text
OWN_TEXTS = (  # dynamic
    "f' TABLE DATA \\\\S+ {table} '",  # searched only in the output of pg_restore
    "'|'.join(patterns)",  # sets of one character each
)
OWN_PROCESS = ("portal.contacts.workbook_reader.__main__",)

# The modules of the program that reads workbooks import each other by their own names.
sys.path.insert(0, str(Path(workbook_reader.__file__).parent))

MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(portal.__path__, "portal.")
    if module.name not in OWN_PROCESS
]
METHODS = "search|match|fullmatch|sub|subn|split|findall|finditer"
CATEGORIES = {"DIGIT": "1", "NOT_DIGIT": "a", "SPACE": " ", "NOT_SPACE": "a", "WORD": "a", "NOT_WORD": ","}

# Functions that take a text from outside, by their names; and values for their other parameters.
PARSERS = re.compile(
    r"(parse|split|validate|detect|normalize|strip|escape|safe|choose|suggest|fold|find_forbidden)(_|$)"
)
TEXTS = {"text", "value", "raw", "query", "content", "address", "cookie", "code", "sent", "target", "number", "name"}
OTHERS = {"region": "US", "default": "/", "encoding": "utf-8", "delimiter": ",", "zone": UTC}
CHARACTERS = "1a+,.:;-/( =&%\n\"'é\u0130\u200e\x00"


class TooCostly(BaseException):
    """The processor time is used up."""


def stop(_signal: int, _frame: FrameType | None) -> None:
    raise TooCostly


def is_costly(call: Callable[[], object]) -> bool:
    """Return whether a call needs more than SECONDS of processor time, twice: garbage collection must not count."""
    previous = signal.signal(signal.SIGVTALRM, stop)
    try:
        for _ in range(2):
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
            try:
                call()
                return False
            except TooCostly:
                continue
            except Exception:
                return False  # refused in time
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return True
    finally:
        signal.signal(signal.SIGVTALRM, previous)


def used_patterns() -> Iterator[tuple[str, re.Pattern[Any], str]]:
    """Return each pattern with each method that the portal calls: constants, and those written in a call."""
    sources = {module: Path(inspect.getsourcefile(module) or "").read_text() for module in MODULES}
    everything = "\n".join(sources.values())
    for module, source in sources.items():
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                for method in sorted(set(re.findall(rf"\b{name}\.({METHODS})\b", everything))):
                    yield f"{module.__name__}.{name}.{method}", value, method
        for call in [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]:
            if found := re.fullmatch(rf"re\.({METHODS})", ast.unparse(call.func)):
                written = ast.unparse(call.args[0])
                if written not in OWN_TEXTS:
                    yield f"{module.__name__}: {written}", re.compile(eval(written, vars(module))), found[1]


def characters_of(pattern: re.Pattern[Any]) -> list[str]:
    """Return a character for each that a pattern names, and one that it does not."""
    tree = repr(re._parser.parse(pattern.pattern, pattern.flags))  # type: ignore[attr-defined]
    codes = {int(code) for code in re.findall(r"LITERAL, (\d+)", tree)}
    codes |= {int(code) for pair in re.findall(r"RANGE, \((\d+), (\d+)\)", tree) for code in pair}
    found = {chr(code) for code in codes} | {CATEGORIES[name] for name in re.findall(r"CATEGORY_(\w+)", tree)}
    return [*sorted(found)[:12], "\x07"]


def long_texts(characters: list[str]) -> Iterator[str]:
    """Return texts that repeat each character, alone and between two others."""
    for repeated in characters:
        yield repeated * LENGTH
        for first in characters[:8]:
            yield first + repeated * LENGTH + "\x07"
            yield (first + repeated) * (LENGTH // 2) + "\x07"


@pytest.mark.parametrize(("pattern", "method"), [pytest.param(one[1], one[2], id=one[0]) for one in used_patterns()])
def test_every_regular_expression_is_linear(pattern: re.Pattern[Any], method: str) -> None:
    def call(text: Any) -> object:
        if isinstance(pattern.pattern, bytes):
            text = text.encode(errors="replace")
        arguments = (text[:0], text) if method.startswith("sub") else (text,)
        result = getattr(pattern, method)(*arguments)
        return list(result) if method == "finditer" else result

    costly = [text[:3] for text in long_texts(characters_of(pattern)) if is_costly(lambda text=text: call(text))]
    assert not costly


def text_parsers() -> Iterator[tuple[str, Callable[[str], object]]]:
    """Return each parser of a text, found by its name and its parameters, as a function of that text."""
    for module in MODULES:
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == module.__name__ and PARSERS.match(name):
                required = [
                    parameter
                    for parameter in inspect.signature(function).parameters.values()
                    if parameter.default is parameter.empty
                ]
                texts = [parameter for parameter in required if parameter.name in TEXTS]
                if texts and all(parameter in texts or parameter.name in OTHERS for parameter in required):
                    yield f"{module.__name__}.{name}", fill_parameters(function, required, texts[-1])


def fill_parameters(
    function: Callable[..., object], required: list[inspect.Parameter], text: inspect.Parameter
) -> Callable[[str], object]:
    """Return the function of its text alone; the first of two texts is a name."""

    def call(value: str) -> object:
        sent: Any = value.encode(errors="replace") if text.annotation == "bytes" else value
        result = function(*(sent if one is text else OTHERS.get(one.name, "name") for one in required))
        return list(result) if inspect.isgenerator(result) else result

    return call


def read_new_batch(text: str) -> object:
    return read_body({"batchName": text, "callingNumbers": [text], "timezone": text, text: text}, NewBatch, "US")


WHOLE_REQUESTS: dict[str, Callable[[str], object]] = {
    "a body": lambda text: parse_json_object(text),
    "a JSON text": lambda text: parse_json_object(f'{{"a": "{text}"}}'),
    "values of createBatch": read_new_batch,
    "a query": lambda text: parse_query(text.encode(errors="replace"), CallListParameters),
    "a search": lambda text: parse_query(b"search=" + text.encode(errors="replace"), CallListParameters),
}


@pytest.mark.parametrize(
    "parse", [pytest.param(parse, id=name) for name, parse in [*text_parsers(), *WHOLE_REQUESTS.items()]]
)
def test_every_parser_is_linear(parse: Callable[[str], object]) -> None:
    texts = [text for one in CHARACTERS for text in (one * LENGTH, f"1{one * LENGTH}a", f"+1{(one + '1') * 8_000}")]
    assert not [text[:4] for text in texts if is_costly(lambda text=text: parse(text))]


def test_the_parsers_of_outside_text_are_found() -> None:
    names = {name.rpartition(".")[2] for name, _ in text_parsers()}
    assert names >= {
        "parse_id",
        "parse_phone_number",
        "parse_moment_range",
        "parse_hosts",
        "parse_json",
        "parse_filter",
        "parse_digits",
        "split_numbers",
        "fold",
        "safe_target",
        "detect_encoding",
    }
