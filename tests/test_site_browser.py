"""Does the built site work for its readers, with every other host out of reach?

Every page of the tiny book is opened in headless Chromium, and of the course where `make book` has built it.
"""

import shutil

import pytest

from tests.browsing import By, Keys, Site, answer_quizzes, built, move_interactives

pytestmark = pytest.mark.browser


@pytest.fixture(params=["tiny", "course"])
def unpacked(request, browser, tmp_path):
    """A site from a zip, opened as files."""
    folder = built(request.param, request)
    archive = shutil.make_archive(str(tmp_path / "site"), "zip", folder)
    shutil.unpack_archive(archive, tmp_path / "any where")
    return Site(tmp_path / "any where", (tmp_path / "any where").as_uri() + "/", browser)


LOOK = """
    const shown = (one) => one.checkVisibility({visibilityProperty: true}) && one.getClientRects().length > 0;
    const all = (selector) => [...document.querySelectorAll(selector)];
    return {
        lang: document.documentElement.lang,
        levels: all('main :is(h1, h2, h3, h4, h5, h6)').filter(shown).map((h) => Number(h.tagName[1])),
        silent: all('article img').filter((image) => !image.alt).map((image) => image.src),
        links: all('a[href]').map((link) => link.href),
        beside: all('.prev-next-footer a').map((link) => link.className),
    };
"""
WIDER = "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
SHRUNK = """
    const figures = [...document.querySelectorAll('div.cell_output figure:not(.cx) > img')];
    const shares = figures.map((one) => one.getBoundingClientRect().width / one.naturalWidth);
    return shares.filter((share) => share > 0 && share < 0.6);
"""


@pytest.fixture(scope="module")
def visits(site):
    """What one visit of each page saw: what went wrong, and what a reader of a screen and of a narrow one gets."""
    seen = {}
    for page in site.pages:
        faults = site.open(page)
        seen[page] = site.browser.execute_script(LOOK) | {"faults": faults}
        phone = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False}  # a window is never so narrow
        site.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        seen[page] |= {"excess": site.browser.execute_script(WIDER), "shrunk": site.browser.execute_script(SHRUNK)}
        site.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    return seen


def test_no_page_fails_or_asks_another_host(visits):
    assert {page: seen["faults"] for page, seen in visits.items() if seen["faults"]} == {}


def test_pages_are_built_for_reading_aloud(visits):
    for page, seen in visits.items():
        assert seen["lang"] == "en", page
        levels = seen["levels"]
        assert levels.count(1) == 1, page
        assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False)), (page, levels)
        assert seen["silent"] == [], page


def test_a_narrow_screen_needs_no_sideways_scrolling(visits):
    assert {page: seen["excess"] for page, seen in visits.items() if seen["excess"] > 0} == {}


def test_lettering_in_figures_is_not_shrunk_on_a_narrow_screen(visits):
    assert {page: seen["shrunk"] for page, seen in visits.items() if seen["shrunk"]} == {}


def test_chapters_offer_colab_download_and_neighbours(site, visits):
    for page, seen in visits.items():
        if page.startswith("chapters/"):
            notebook = page.replace(".html", ".ipynb")
            colab = "https://colab.research.google.com/"
            assert any(link.startswith(colab) and link.endswith(notebook) for link in seen["links"]), page
            assert f"{site.address}_sources/{notebook}" in seen["links"], page
            assert {"left-prev", "right-next"} <= set(seen["beside"]), page


def search(site) -> None:
    """Search for a word and follow the first result."""
    site.open("search.html?q=neuron")
    site.wait(lambda: site.all("#search-results li a"), 60)  # the book's index is large, and other tests run beside
    assert site.faults() == []
    site.all("#search-results li a")[0].click()
    site.wait(
        lambda: "neuron" in site.browser.page_source.lower() and "search.html" not in site.browser.current_url, 60
    )


def test_search_finds_words(site):
    search(site)


def test_the_mode_can_be_switched_and_is_kept(site):
    page = next(page for page in site.pages if page.startswith("chapters/"))
    site.open(page, "light")
    theme = "return document.documentElement.dataset.theme"
    background = "return getComputedStyle(document.body).backgroundColor"
    light = site.browser.execute_script(background)
    for _ in range(3):
        if site.browser.execute_script(theme) == "dark":
            break
        next(button for button in site.all(".theme-switch-button") if button.is_displayed()).click()
    assert site.browser.execute_script(theme) == "dark"
    assert site.browser.execute_script(background) != light
    site.browser.refresh()
    assert site.browser.execute_script(theme) == "dark"


def test_progress_is_ticked_and_kept(site):
    page = next(page for page in site.pages if page.startswith("chapters/"))
    site.open(page)
    site.all(".course-done button")[0].send_keys(Keys.ENTER)
    for again in (False, True):
        if again:
            site.browser.refresh()
        assert [link.get_attribute("href") for link in site.all("nav.bd-links a.done")] == [site.address + page + "#"]
        assert site.all(".course-done button")[0].get_attribute("aria-pressed") == "true"
    site.all(".course-done button")[0].send_keys(Keys.ENTER)
    assert site.all("nav.bd-links a.done") == []


def test_the_first_page_ticks_what_is_done_and_offers_what_comes_next(site):
    first, second = [page for page in site.pages if page.startswith("chapters/")][:2]
    site.open(first)
    site.all(".course-done button")[0].send_keys(Keys.ENTER)
    site.browser.get(site.address + "index.html")
    assert [link.get_attribute("href") for link in site.all(".course-road a.done")] == [site.address + first]
    start = site.all("a.course-start")[0]
    assert start.text.startswith("Go on with chapter")
    assert start.get_attribute("href") == site.address + second
    site.browser.execute_script("localStorage.clear()")


def test_a_wrong_address_leads_back(site):
    site.open("404.html")
    site.browser.find_element(By.LINK_TEXT, "first page").click()
    site.wait(lambda: site.browser.current_url.endswith("index.html"))


def test_a_first_visit_finds_nothing_to_complain_of(site):
    """Without anything in the browser's memory, as everybody comes."""
    chapter = next(page for page in site.pages if page.startswith("chapters/"))
    for page in ("404.html", "index.html", "search.html", chapter):
        site.browser.get(site.address + page)
        site.browser.execute_script("localStorage.clear()")
        site.faults()
        site.browser.refresh()
        site.wait(lambda: site.browser.execute_script("return document.readyState") == "complete")
        assert site.faults() == [], page
        assert site.browser.execute_script("return document.documentElement.dataset.mode") == "auto"
        assert site.browser.execute_script("return document.documentElement.dataset.theme") in ("light", "dark")


def test_formulas_are_drawn_without_scripts(site):
    page = next(p for p in site.pages if "<math" in (site.folder / p).read_text() and p.startswith("chapters/"))
    site.open(page)
    font = "return document.fonts.load('16px \"STIX Two Math subset\"').then((fonts) => fonts.length)"
    assert site.browser.execute_script(font) == 1
    assert all(formula.size["height"] > 5 for formula in site.all("math") if formula.is_displayed())


def test_icons_are_drawn_from_the_small_font(site):
    site.open(next(page for page in site.pages if page.startswith("chapters/")))
    icons = [icon for icon in site.all("i[class*=fa-]") if icon.is_displayed()]
    look = "const style = getComputedStyle(arguments[0], '::before'); return [style.content, style.fontFamily]"
    assert len(icons) > 5
    for icon in icons:
        content, family = site.browser.execute_script(look, icon)
        assert len(content) == 3, icon.get_attribute("class")
        script = "return document.fonts.load(`900 16px ${arguments[0]}`, arguments[1]).then((fonts) => fonts.length)"
        assert site.browser.execute_script(script, family.split(",")[0], content.strip('"')) == 1, family


def test_three_pages_work_from_a_folder(unpacked):
    chapters = [page for page in unpacked.pages if page.startswith("chapters/")]
    figures = 0
    for page in ["index.html", *chapters[:2]]:
        assert unpacked.open(page, "dark") == []
        assert unpacked.browser.execute_script("return document.documentElement.dataset.theme") == "dark"
        count, unchanged = move_interactives(unpacked)
        assert unchanged == []
        figures += count
        answer_quizzes(unpacked)
        assert unpacked.faults() == []
    assert figures > 0
    search(unpacked)
