"""Rules for every page at every width: no sideways scrolling, targets large enough to tap, nothing over a control."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from portal.models import Batch, User
from tests.browser.conftest import PHONE
from tests.support.builders import Builder

PAGES = (
    "/batches",
    "/batches?search=zz",
    "/batches?limit=0",
    "/batches/{batch}",
    "/batches/{batch}/changes",
    "/batches/{batch}/rename",
    "/batches/{batch}/settings",
    "/batches/{batch}/duplicate",
    "/batches/confirm?do=stop&id={batch}",
    "/batches/trash",
    "/settings/tokens",
    "/settings/account",
    "/settings/second-factor",
    "/admin/users",
    "/admin/users/new",
    "/admin/users/{stranger}",
    "/admin/trail",
    "/nowhere",
    "/batches/new",
    "/batches/new/{upload}",
    "/batches/new/{unclear}",
    "/api/docs#listBatches",
    "/settings/caller-numbers",
    "/settings/trunks",
    "/settings/trunks/new",
    "/settings/suppressions",
    "/batches/{batch}/calls/{call}",
    "/settings/emergency-stop",
    "/admin/emergency-stop",
)

# The pages whose layout depends most on the width.
TABLES = (
    "/batches",
    "/batches/{batch}",
    "/batches/trash",
    "/settings/tokens",
    "/admin/users",
    "/admin/trail",
    "/batches/new/{upload}",
    "/settings/caller-numbers",
    "/settings/suppressions",
)
# The pages that axe checks in each colour scheme.
LIGHT_PAGES = (
    "/batches",
    "/batches/{batch}",
    "/settings/tokens",
    "/settings/account",
    "/admin/users/{stranger}",
    "/batches/new",
    "/batches/new/{unclear}",
    "/api/docs#listBatches",
    "/batches/{batch}/settings",
    "/settings/suppressions",
    "/batches/{batch}/calls/{call}",
)
DARK_PAGES = (
    "/batches",
    "/batches/{batch}",
    "/batches/confirm?do=stop&id={batch}",
    "/admin/users",
    "/admin/trail",
    "/batches/new/{upload}",
    "/api/docs#listBatches",
    "/settings/caller-numbers",
    "/settings/trunks",
    "/settings/emergency-stop",
)

# WCAG 2.5.8: a target is at least 24 CSS px wide and high, or no other target is within 12 px of its centre. Links in
# a line of text are exempt. A control must be what the pointer meets at its centre.
FIND_PROBLEMS = """() => {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push("scrolls sideways");
  const isShown = (each) => each.checkVisibility({visibilityProperty: true, opacityProperty: true})
    && each.getBoundingClientRect().width > 1 && !each.closest(".skip-link, #tooltip");
  const area = (each) => (each.matches("[type=checkbox], [type=radio]") && each.closest("label")) || each;
  const isInText = (each) => each.matches("a, summary") && getComputedStyle(each).display === "inline"
    && each.parentElement.textContent.trim().length > each.textContent.trim().length;
  const controls = [...document.querySelectorAll("a[href], button, summary, input:not([type=hidden]), select")]
    .filter(isShown);
  const boxes = new Map(controls.map((each) => [each, area(each).getBoundingClientRect()]));
  const name = (each) => each.outerHTML.slice(0, 100);
  for (const [each, box] of boxes) {
    if (!isInText(each) && (box.width < 24 || box.height < 24)) {
      const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
      for (const [other, {left, top, right, bottom}] of boxes) {
        const distance = Math.hypot(x - Math.min(Math.max(x, left), right), y - Math.min(Math.max(y, top), bottom));
        if (other !== each && !isInText(other) && distance < 12) {
          found.push(`${box.width}x${box.height}, ${distance} px from ${name(other)}: ${name(each)}`);
        }
      }
    }
  }
  for (const each of controls) {
    each.scrollIntoView({block: "center", inline: "center"});
    const {left, top, width, height} = each.getClientRects()[0];
    const hit = document.elementFromPoint(left + width / 2, top + height / 2);
    if (hit && !each.contains(hit) && !hit.contains(each)) found.push(`${name(hit)} covers ${name(each)}`);
    else if (hit && hit !== each && hit.matches("a, button")) found.push(`a control in a control: ${name(each)}`);
  }
  return found;
}"""


@pytest.fixture
def addresses(build: Builder, owner: User, stranger: User, batches: list[Batch]) -> dict[str, str]:
    """Return the address of each of PAGES, for an admin with long names, long fields and a deleted batch."""
    build.change(owner, is_admin=True)
    build.create_batch(owner, "Gone", deleted=True)
    build.create_token(owner)
    name = "Unbrokenname" * 16
    batch = build.create_batch(
        owner, name, status="paused", total_calls=1_234_567, calls_called=900_000, calls_picked=600_000
    )
    text = "A long remark about this contact. " * 40
    fields = {"remark": text, "a" * 40: "b" * 80, "c": "d", "e": "f", "g": "h" * 200}
    for status in ("completed", "dropped", "dialing", "pending", "busy"):
        call = build.create_call(batch, status=status, fields=fields, last_event_at=batch.created_at)
        build.create_attempt(call, outcome="busy", cause=17, lost=True)
    rows = "".join(f"+1305555{number:04},{'x' * 300},{number}\n" for number in range(90, 200))
    content = f"phone,{'Unbrokenname' * 9},note\n{rows}12,a,b\n".encode()
    trunk = build.create_trunk(owner, name=name[:100], held=True, trouble=text[:200])
    build.create_caller_number(owner, "+12025550100", label=name[:100], trunk_key=trunk.key)
    build.suppress(owner, "+12025550101", source=name[:100])
    build.suppress(owner, "+12025550101")
    ids = {
        "batch": batch.id,
        "call": call.id,
        "stranger": stranger.id,
        "upload": build.create_upload(owner, content, f"{name[:80]}.csv"),
        "unclear": build.create_upload(owner, b"id,city\n1,Rome\n2,Oslo\n"),
    }
    return {page: page.format(**ids) for page in PAGES}


@pytest.mark.parametrize("width", [390, 768, 1180])
def test_controls_can_be_tapped_and_nothing_overflows(
    new_page: Callable[..., Page], enter: Callable[..., Page], addresses: dict[str, str], width: int
) -> None:
    page = enter(new_page(viewport={"width": width, "height": 900}))
    found = {}
    for name in PAGES if width == PHONE["width"] else TABLES:
        page.goto(addresses[name])
        found[name] = page.evaluate(FIND_PROBLEMS)
    page.goto("/batches")
    page.locator("tbody [type=checkbox]").first.check()
    found["selected"] = page.evaluate(FIND_PROBLEMS)
    found["menus"] = []
    for summary in page.locator("main details.menu > summary").all():
        summary.click()
        found["menus"] += page.evaluate("document.documentElement.scrollWidth > innerWidth ? ['scrolls'] : []")
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize(
    ("width", "scheme", "pages"),
    [(390, "light", LIGHT_PAGES), (1180, "dark", DARK_PAGES)],
)
def test_axe_finds_no_violations(
    new_page: Callable[..., Page],
    enter: Callable[..., Page],
    addresses: dict[str, str],
    width: int,
    scheme: Any,
    pages: tuple[str, ...],
) -> None:
    page = enter(new_page(viewport={"width": width, "height": 900}, color_scheme=scheme))
    found = {}
    for name in pages:
        page.goto(addresses[name])
        results = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
        if results.violations_count:
            found[name] = [
                (violation["id"], [node["html"][:120] for node in violation["nodes"]][:3])
                for violation in results.response["violations"]
            ]
    assert found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_parts_of_the_progress_bar_have_contrast(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    colours = page.evaluate(
        """() => {
          const context = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
          const read = (colour) => {
            context.fillStyle = colour;
            context.fillRect(0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
          };
          const fill = (part) => read(getComputedStyle(document.querySelector(`.legend .part-${part}`)).fill);
          const surface = read(getComputedStyle(document.querySelector(".results")).backgroundColor);
          return {completed: fill("completed"), picked: fill("picked"), called: fill("called"), rest: fill("rest"),
                  surface};
        }"""
    )
    pairs = [("completed", "picked"), ("picked", "called"), ("called", "rest")]
    pairs += [(part, "surface") for part in ("completed", "picked", "called")]
    ratios = {pair: contrast(*(colours[name] for name in pair)) for pair in pairs}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 3} == {}


def contrast(*colours: list[int]) -> float:
    """Return the contrast ratio of two sRGB colours (WCAG 2.2)."""

    def luminance(colour: list[int]) -> float:
        channels = [value / 255 for value in colour]
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted(map(luminance, colours))
    return (lighter + 0.05) / (darker + 0.05)


def test_choosing_in_a_select_sends_nothing(page: Page) -> None:
    """WCAG 3.2.2: only a button submits a form."""
    requests: list[str] = []
    page.goto("/settings/account")
    page.on("request", lambda request: requests.append(request.url))
    page.locator("#region").select_option("DE")
    expect(page.locator("#region option:checked")).to_have_text("Germany (+49)")
    page.wait_for_timeout(300)
    assert requests == []


@pytest.mark.parametrize("width", [390, 768, 1180, 1360])
def test_selecting_a_batch_moves_no_row(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    tops = "[...document.querySelectorAll('#batches tbody tr')].map((row) => row.getBoundingClientRect().top)"
    page.evaluate("scrollTo(0, 0)")
    before = page.evaluate(tops)
    page.evaluate("document.querySelectorAll('tbody [type=checkbox]')[1].click()")
    assert page.locator(".bulk-actions").is_visible()
    assert page.evaluate(tops) == before


def test_bulk_actions_work_by_touch(
    new_page: Callable[..., Page], enter: Callable[..., Page], batches: list[Batch]
) -> None:
    page = enter(new_page(viewport=PHONE, has_touch=True, is_mobile=True))
    page.get_by_label("Select Porto round 3").tap()
    page.get_by_label("Select Lisbon round 3").tap()
    page.locator(".bulk-actions").get_by_role("button", name="Stop").tap()
    page.get_by_role("heading", name="Stop 2 batches?").wait_for()
    page.get_by_role("button", name="Stop").tap()
    page.locator("main [role=status]").filter(has_text="2 batches stopped.").wait_for()
    page.get_by_label("Select all on this page").tap()
    page.locator(".selected-count", has_text="10 batches selected").wait_for()


@pytest.mark.parametrize("width", [1160, 1280])
def test_names_have_room_and_long_fields_are_clamped(
    new_page: Callable[..., Page], enter: Callable[..., Page], addresses: dict[str, str], width: int
) -> None:
    page = enter(new_page(viewport={"width": width, "height": 900}))
    assert page.locator("tbody .col-name").first.bounding_box()["width"] >= 240
    page.goto(addresses["/batches/{batch}"])
    heights = page.evaluate("[...document.querySelectorAll('#calls tbody tr')].map((row) => row.offsetHeight)")
    assert max(heights) <= 100


@pytest.mark.parametrize(
    ("style", "problem"),
    [
        ("tr {position: relative} .col-name a::after {position: absolute; inset: 0; content: ''}", "covers"),
        (".pages a {min-width: 8px !important; width: 8px; height: 8px !important}", "8x8"),
        ("main {width: 120vw; max-width: none !important}", "scrolls sideways"),
    ],
)
def test_the_rules_find_broken_pages(
    new_page: Callable[..., Page], enter: Callable[..., Page], batches: list[Batch], style: str, problem: str
) -> None:
    page = enter(new_page(viewport=PHONE, bypass_csp=True))
    page.add_style_tag(content=style + " .pages a {padding: 0 !important}")
    assert problem in str(page.evaluate(FIND_PROBLEMS))
