"""The live page: what it names is there; in a real browser one button shows and hears (slow).

pytest -m slow tests/mimictalk/streaming/test_page.py
"""

import re
import shutil
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import pytest

from mimictalk.studio.frame import page_frame

PAGE = Path(str(resources.files("mimictalk.streaming") / "page"))
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 90_000
FAKE = ("--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


def test_the_page_names_nothing_elsewhere_and_nothing_inline():
    for path in PAGE.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|@import|url\(", text), path.name
        assert not re.search(r"\sstyle=|\son[a-z]+=\"|innerHTML|document\.write|eval\(", text), path.name


def test_everything_that_is_named_is_there():
    html = (PAGE / "index.html").read_text()
    for name in re.findall(r'(?:src|href)="([^"#]+)"', html):
        inside, _, shared = name.partition("frame/")
        assert (page_frame() / shared if not inside else PAGE / name).is_file()
    used = set(re.findall(r"find\('([^']+)'\)", (PAGE / "stream.js").read_text()))
    assert used <= set(re.findall(r'id="([^"]+)"', html))


@pytest.fixture(scope="module")
def browser():
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None or find_spec("playwright") is None:
        pytest.skip("no Chromium or no playwright: pip install 'mimictalk[browser-tests]'")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=list(FAKE))
        yield chromium
        chromium.close()


SHOWN = "() => document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames > 20"


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (768, "dark"), (390, "light"), (390, "dark")])
def test_one_button_shows_and_hears(browser, server, tmp_path, width, scheme):
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, permissions=["microphone"]
    )
    page, asked, wrong = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{server.address}#token={server.token}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Start").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(SHOWN, timeout=PATIENCE_MS)
    page.get_by_text("microphone", exact=True).wait_for(timeout=PATIENCE_MS)
    page.screenshot(path=tmp_path / f"live-{width}-{scheme}.png")
    assert server.token not in page.url
    assert {url for url in asked if not url.startswith(server.address)} == set()
    page.get_by_role("button", name="Stop").click()
    server.wait(lambda state: state["viewers"] == 0 and state["speaking"] is None, 60)
    assert page.locator("#connection").inner_text() == "stopped"
    assert wrong == []
    context.close()


@pytest.mark.slow
def test_a_closed_tab_is_noticed_and_a_lost_connection_comes_back(browser, server):
    context = browser.new_context(permissions=["microphone"])
    page = context.new_page()
    page.goto(f"{server.address}#token={server.token}")
    page.get_by_role("button", name="Start").click()
    page.wait_for_function(SHOWN, timeout=PATIENCE_MS)
    page.reload()  # the token is kept by the tab
    page.get_by_role("button", name="Start").click()
    page.wait_for_function(SHOWN, timeout=PATIENCE_MS)
    page.close()
    server.wait(lambda state: state["viewers"] == 0 and state["speaking"] is None, 60)
    context.close()


@pytest.mark.slow
def test_a_server_that_has_gone_is_told(browser, start_server):
    server = start_server(size=256, delay=16)
    page = browser.new_page()
    page.goto(f"{server.address}#token={server.token}")
    page.get_by_label("my microphone").uncheck()
    page.get_by_role("button", name="Start").click()
    page.wait_for_function(SHOWN, timeout=PATIENCE_MS)
    server.process.terminate()
    page.get_by_text("The server does not answer. Is it still running?").wait_for(timeout=PATIENCE_MS)
    assert page.locator("#connection").inner_text() == "connecting again"
    assert page.get_by_text("One moment.").is_visible()
    assert page.locator("#figures").is_hidden()
    page.close()


@pytest.mark.slow
def test_a_wrong_token_is_told(browser, server):
    page = browser.new_page()
    page.goto(f"{server.address}#token=wrong")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("The token is not valid").wait_for(timeout=PATIENCE_MS)
    assert page.get_by_role("button", name="Start").is_visible()
    page.close()
