"""The report in a browser, from a file: nothing is fetched, nothing fails, everything answers to mouse and keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis.report import document

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def file(sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("page") / "report.html"
    document.write(analysis.load(sweep), target)
    return target


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as tools:
        opened = tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Watch:
    """A page and everything that went wrong or was asked for."""

    def __init__(self, browser: Any, file: Path, **options: Any) -> None:
        self.page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.troubles: list[str] = []
        self.page.on("console", lambda m: self.troubles.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.troubles.append(str(e)))
        self.page.on("request", lambda r: None if r.url.startswith("file://") else self.troubles.append(r.url))
        self.page.goto(file.as_uri())
        self.page.wait_for_function("document.documentElement.dataset.charts === 'drawn'", timeout=60_000)


@pytest.fixture(scope="module")
def watch(browser: Any, file: Path) -> Iterator[Watch]:
    watch = Watch(browser, file)
    yield watch
    watch.page.close()


@pytest.fixture
def page(watch: Watch) -> Any:
    watch.page.keyboard.press("Escape")
    return watch.page


def column(page: Any, number: int) -> list[str]:
    rows = page.locator("#comparison tbody tr:not([hidden])")
    return [text.strip() for text in rows.locator(f"td:nth-child({number})").all_inner_texts()]


def faded(page: Any, figure: str) -> int:
    """Number of elements of a figure that are drawn faint."""
    script = "(id) => [...document.querySelectorAll(`#${id} svg path[opacity='0.1']`)].length"
    return int(page.evaluate(script, figure))


def test_nothing_fails_and_nothing_is_fetched(watch: Watch) -> None:
    assert watch.troubles == []
    assert watch.page.locator("figure svg[role], .chart svg, .chart canvas").count() >= 14


@pytest.mark.parametrize("width", [1280, 768, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_width_overflows_and_no_chart_is_cut(browser: Any, file: Path, width: int, scheme: str) -> None:
    watch = Watch(browser, file, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert watch.troubles == []
    assert watch.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    wide = "(c) => c.scrollWidth > c.clientWidth + 1"
    cut = f"[...document.querySelectorAll('.chart')].filter({wide}).map((c) => c.closest('figure').id)"
    assert watch.page.evaluate(cut) == []
    paper = watch.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(22, 23, 26)")
    watch.page.close()


def test_sorting_by_click_and_by_keyboard(page: Any) -> None:
    head = page.locator("#comparison th", has_text="clean %")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    clean = column(page, 4)
    assert clean == sorted(clean, key=lambda text: float(text.split()[0]))
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, 4) == clean[::-1]
    page.locator("#comparison th", has_text="regularizer").locator("button").click()
    assert column(page, 2)[0] == "none"


def test_filters_by_text_and_by_number(page: Any) -> None:
    page.fill("#filter", "decay 0.001")
    assert column(page, 2) == ["weight_decay 0.001"]
    assert page.inner_text("#shown") == "1 of 5 rows"
    page.fill("#filter", "")
    number = page.locator("#comparison th", has_text="clean %").locator("input")
    # Clean accuracies of the synthetic sweep: 80, 82, 84, 86, 88 %.
    for text, count in ((">83", 3), ("<= 82", 2), ("81..85", 2), ("=90", 0), ("", 5)):
        number.fill(text)
        assert page.inner_text("#shown") == f"{count} of 5 rows"
    number.fill("about 83")
    assert number.get_attribute("aria-invalid") == "true"
    assert page.inner_text("#shown") == "5 of 5 rows"
    number.fill("")


def test_groups_of_columns_are_shown_and_hidden(page: Any) -> None:
    gone = page.locator("#comparison th", has_text="resize %").first
    assert not gone.is_visible()
    box = page.get_by_label("drop from clean accuracy")
    box.check()
    assert gone.is_visible()
    box.uncheck()
    assert not gone.is_visible()


def test_copy_as_csv(browser: Any, file: Path) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(file.as_uri())
    page.click("#copy")
    page.wait_for_function("document.getElementById('copy').textContent === 'Copied'")
    lines = page.evaluate("navigator.clipboard.readText()")
    assert lines.splitlines()[0].startswith('"regularizer","n","clean %"')
    assert len(lines.splitlines()) == 6
    context.close()


def test_a_row_selects_its_lines_and_a_line_selects_its_row(page: Any) -> None:
    assert faded(page, "g0-ssr") == 0
    page.locator("#comparison tbody tr", has_text="dropout 0.5").locator("td").nth(1).click()
    page.wait_for_function("document.querySelectorAll(\"#g0-ssr svg path[opacity='0.1']\").length > 0")
    assert page.locator("#comparison tr[data-chosen]").count() == 1
    assert page.locator("#g0-ssr .legend button[aria-pressed=true]").inner_text() == "dropout 0.5"
    page.keyboard.press("Escape")
    page.wait_for_function("document.querySelectorAll(\"#g0-ssr svg path[opacity='0.1']\").length === 0")
    assert page.locator("#comparison tr[data-chosen]").count() == 0
    page.locator("#g0-tradeoff").scroll_into_view_if_needed()
    # Symbols of the scatter: the point itself, not the front's ring around it.
    points = page.locator("#g0-tradeoff svg .mark-symbol.role-mark").last.locator("path")
    points.first.click(force=True)
    page.wait_for_function("document.querySelectorAll('#comparison tr[data-chosen]').length === 1")


def test_a_legend_selects_by_keyboard(page: Any) -> None:
    button = page.locator("#g0-depth .legend button").first
    button.focus()
    page.keyboard.press("Space")
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator("#comparison tr[data-chosen]").get_attribute("data-configuration") == "none"


def test_tooltips_show_mean_interval_and_n(page: Any) -> None:
    page.locator("#g0-final").scroll_into_view_if_needed()
    page.locator("#g0-final svg .mark-symbol.role-mark path").first.hover(force=True)
    page.wait_for_selector("#vg-tooltip-element.visible")
    text = page.inner_text("#vg-tooltip-element")
    for word in ("configuration", "mean", "95% from", "95% to", "n (seeds)"):
        assert word in text


def test_selects_change_the_chart(page: Any) -> None:
    paths = "[...document.querySelectorAll('#g0-ssr svg path')].map((p) => p.getAttribute('d')).join()"
    before = page.evaluate(paths)
    page.locator("#g0-ssr select").first.select_option("absolute")
    page.wait_for_function(f"(before) => {paths} !== before", arg=before)
    page.locator("#g0-ssr select").first.select_option("dc")


def test_the_scrubber_moves_plays_and_pauses(page: Any) -> None:
    scrubber = page.locator(".scrubber")
    range_, read, play = scrubber.locator("input[type=range]"), scrubber.locator("output"), scrubber.locator(".play")
    assert read.inner_text() == "3"
    marks = "document.querySelectorAll('#g0-scrub-map svg .mark-rect.role-mark path')"
    cells = f"[...{marks}].map((p) => p.getAttribute('fill')).join()"
    last = page.evaluate(cells)
    range_.focus()
    page.keyboard.press("ArrowLeft")
    assert read.inner_text() == "2"
    page.wait_for_function(f"(last) => {cells} !== last", arg=last)
    page.keyboard.press("End")
    page.keyboard.press("Space")
    assert play.inner_text() == "Pause"
    page.wait_for_function("document.querySelector('.scrubber output').textContent === '1'")
    page.keyboard.press("Space")
    assert play.inner_text() == "Play"
    scrubber.locator(".legend button", has_text="spectral_mask").click()
    page.wait_for_function("document.querySelectorAll('#g0-scrub-map svg .mark-rect.role-mark path').length === 9")


def test_nothing_plays_by_itself(page: Any) -> None:
    assert page.locator(".scrubber .play").inner_text() == "Play"


def test_the_theme_button_turns_page_and_charts(page: Any) -> None:
    ink = "getComputedStyle(document.querySelector('#g0-ssr svg text')).fill"
    light = page.evaluate(ink)
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 23, 26)"
    assert page.evaluate(ink) != light
    assert page.inner_text("#theme") == "Light"
    page.click("#theme")
    assert page.evaluate(ink) == light


def test_storage_that_is_refused_does_no_harm(browser: Any, file: Path) -> None:
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused'); } })")
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda e: troubles.append(str(e)))
    page.goto(file.as_uri())
    page.click("#theme")
    assert page.get_attribute("html", "data-theme") == "dark"
    assert troubles == []
    context.close()


def test_print_is_light_whole_and_without_controls(page: Any) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 28, 30)"
    assert page.evaluate("getComputedStyle(document.querySelector('#g0-ssr svg text')).fill") == "rgb(27, 28, 30)"
    assert not page.locator("#theme").is_visible()
    assert not page.locator("#table-controls").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.tall')).maxHeight") == "none"
    page.emulate_media(media="screen", color_scheme="light")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open]):not(.query)").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open]):not(.query)").count() > 0


def test_the_tab_key_reaches_everything_with_a_visible_focus(page: Any) -> None:
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.reload()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_every_control_and_chart_has_a_name(page: Any) -> None:
    unnamed = """[...document.querySelectorAll('button, input, select, [role=img], [role=region]')].filter((e) =>
        !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML)"""
    assert page.evaluate(unnamed) == []


def test_without_scripts_the_tables_are_readable(browser: Any, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert "Without scripts" in page.inner_text("noscript")
    assert page.locator("#comparison tbody tr").count() == 5
    assert page.locator("#comparison th", has_text="clean %").is_visible()
    context.close()
