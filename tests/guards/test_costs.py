"""The cost of a text grows with its length and no faster, in every regular expression and parser of the portal.

Each gets texts of 10^5 of its own characters. On an idle machine all end within 50 ms of processor time, most within 5;
the limit is ten times as high, so that a busy machine changes nothing. Quadratic cost takes a minute.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import portal
from portal.accounts.parameters import NewUser
from portal.batches.settings import NewBatch
from portal.calls.parameters import CallListParameters
from portal.contacts import workbook_reader
from portal.contacts.number_plans import is_in_use
from portal.web.json_body import parse_json_object, read_body
from portal.web.parameters import parse_fields, parse_query

LENGTH = 100_000
MIXED_LENGTH = 25_000  # of texts of several characters
SECONDS = 0.5  # of processor time for one text
DYNAMIC = (
    "f' TABLE DATA \\\\S+ {table} '",  # searched only in the output of pg_restore
    "'|'.join(patterns)",  # "a new password" below
    "'|'.join(dict.fromkeys(patterns))",  # "national numbers" below
    "f'(?:00|{find_international_prefix(region)})(?=[1-9])'",  # a few digits, at the start of a text
)
READER = workbook_reader.__name__ + "."  # a program of its own, which imports its modules without the package

sys.path.insert(0, str(Path(workbook_reader.__file__).parent))
MODULES = [
    importlib.import_module(module.name.removeprefix(READER))
    for module in pkgutil.walk_packages(portal.__path__, "portal.")
    if module.name != READER + "__main__"
]
sys.path.pop(0)
SOURCES = {module: Path(inspect.getsourcefile(module) or "").read_text() for module in MODULES}
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
    """Return each pattern once with each method that the portal calls: constants, and those written in a call."""
    methods: dict[str, set[str]] = {}
    for name, method in re.findall(rf"\b(\w+)\.({METHODS})\b", "\n".join(SOURCES.values())):
        methods.setdefault(name, set()).add(method)
    seen = set()
    for module, source in SOURCES.items():
        found = [
            (f"{module.__name__}.{name}.{method}", value, method)
            for name, value in vars(module).items()
            if isinstance(value, re.Pattern)
            for method in sorted(methods.get(name, ()))
        ]
        found += [
            (f"{module.__name__}: {written}", re.compile(eval(written, vars(module))), method)
            for written, method in calls_of_re(ast.parse(source), METHODS)
            if written not in DYNAMIC
        ]
        yield from (one for one in found if one[1:] not in seen)
        seen.update(one[1:] for one in found)


def calls_of_re(tree: ast.AST, functions: str) -> Iterator[tuple[str, str]]:
    """Yield the pattern, as it is written, and the function of each call of these functions of `re`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("re"), attr=function), args=[pattern, *_]):
                if re.fullmatch(functions, function):
                    yield ast.unparse(pattern), function


def characters_of(pattern: re.Pattern[Any]) -> list[str]:
    """Return a character for each that a pattern names, and one that it does not."""
    tree = repr(re._parser.parse(pattern.pattern, pattern.flags))  # type: ignore[attr-defined]
    codes = {int(code) for code in re.findall(r"LITERAL, (\d+)", tree)}
    codes |= {int(code) for pair in re.findall(r"RANGE, \((\d+), (\d+)\)", tree) for code in pair}
    found = {chr(code) for code in codes} | {CATEGORIES[name] for name in re.findall(r"CATEGORY_(\w+)", tree)}
    return [*sorted(found)[:9], "\x07"]


def long_texts(characters: list[str]) -> Iterator[str]:
    """Return texts that repeat each character, alone and between two others."""
    for repeated in characters:
        yield repeated * LENGTH
        for first in characters[:3]:
            yield first + repeated * MIXED_LENGTH + "\x07"
            if first != repeated:  # else the same text
                yield (first + repeated) * (MIXED_LENGTH // 2) + "\x07"


@pytest.mark.parametrize(("pattern", "method"), [pytest.param(one[1], one[2], id=one[0]) for one in used_patterns()])
def test_every_regular_expression_is_linear(pattern: re.Pattern[Any], method: str) -> None:
    def call(text: Any) -> object:
        if isinstance(pattern.pattern, bytes):
            text = text.encode(errors="replace")
        arguments = (text[:0], text) if method.startswith("sub") else (text,)
        result = getattr(pattern, method)(*arguments)
        return deque(result, maxlen=0) if method == "finditer" else result

    texts = long_texts(characters_of(pattern))
    assert not next((text[:3] for text in texts if is_costly(lambda text=text: call(text))), "")


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


def read_new_user(text: str) -> object:
    """Read a new account: zxcvbn's cost grows steeply, so passwords are cut to the longest that is accepted."""
    fields = {"email": f"{text[:200]}@example.com", "name": text[:100], "password": text[:1000]}
    return parse_fields(fields, NewUser, UTC, {})


OTHER_TEXTS: dict[str, Callable[[str], object]] = {
    "a body": lambda text: parse_json_object(text),
    "a JSON text": lambda text: parse_json_object(f'{{"a": "{text}"}}'),
    "values of createBatch": read_new_batch,
    "a new password": read_new_user,
    "a query": lambda text: parse_query(text.encode(errors="replace"), CallListParameters),
    "national numbers": lambda text: [is_in_use(country_code, text) for country_code in (1, 44, 49)],
    "a search": lambda text: parse_query(b"search=" + text.encode(errors="replace"), CallListParameters),
}


@pytest.mark.parametrize(
    "parse", [pytest.param(parse, id=name) for name, parse in [*text_parsers(), *OTHER_TEXTS.items()]]
)
def test_every_parser_is_linear(parse: Callable[[str], object]) -> None:
    texts = [text for one in CHARACTERS for text in (f"1{one * LENGTH}a", f"+1{(one + '1') * (MIXED_LENGTH // 2)}")]
    assert not next((text[:4] for text in texts if is_costly(lambda text=text: parse(text))), "")


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


def test_patterns_compiled_in_functions_are_listed() -> None:
    """used_patterns finds constants only."""
    trees = [ast.parse(source) for source in SOURCES.values() if re.search(r"^ .*re\.compile", source, re.MULTILINE)]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    compiled = {written for function in functions for written, _ in calls_of_re(function, "compile")}
    assert compiled
    assert compiled <= set(DYNAMIC)
