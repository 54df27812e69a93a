"""The page in a real browser (Debian's Chromium through Playwright), over a server whose jobs only count.

Slow:  pytest -m slow tests/mimictalk/studio/test_page.py
"""

import re
import shutil
import subprocess
import sys
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import pytest
from mimictalk.studio.frame import page_frame
from studio_files import MP4

PAGE = Path(str(resources.files("mimictalk.studio") / "page"))
SERVER = Path(__file__).parents[2] / "support" / "quick_server.py"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 90_000
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"
slow = pytest.mark.slow


def test_the_page_names_nothing_elsewhere():
    """No script, style, font or picture comes from another place, and nothing is inline: the policy would stop it."""
    for path in [*PAGE.rglob("*"), *page_frame().iterdir()]:
        if path.is_file():
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://|//[a-z]+\.|@import|url\(", text.replace("// ", "")), path.name
            assert not re.search(
                r"\sstyle=|\son[a-z]+=\"|innerHTML|insertAdjacentHTML|document\.write|eval\(", text
            ), path.name


def test_every_module_that_is_imported_is_there():
    for path in (PAGE / "js").glob("*.js"):
        for name in re.findall(r"from '(\./[^']+)'", path.read_text()):
            assert (path.parent / name).is_file()
    html = (PAGE / "index.html").read_text()
    for name in re.findall(r'(?:src|href)="([^"#]+)"', html):
        inside, _, shared = name.partition("frame/")
        assert (page_frame() / shared if not inside else PAGE / name).is_file()
    ids = set(re.findall(r'id="([^"]+)"', html))
    used = {
        n for path in (PAGE / "js").glob("*.js") for n in re.findall(r"find\('([^']+)'\)", path.read_text())
    }
    assert used <= ids


def test_both_pages_have_one_head():
    """From the first line to what stands in the page: only their names and their own style and script differ."""
    live = Path(str(resources.files("mimictalk.streaming") / "page" / "index.html")).read_text()
    heads = []
    for text, name, own in (
        (PAGE.joinpath("index.html").read_text(), "studio", "js/main"),
        (live, "live", "stream"),
    ):
        head = (
            text[: text.index("<p id=")]
            .replace(f"MimicTalk {name}", "NAME")
            .replace(f"<span>{name}", "<span>NAME")
        )
        heads.append(
            head.replace(f'"{own}.js"', "SCRIPT")
            .replace('"studio.css"', "CSS")
            .replace('"stream.css"', "CSS")
        )
    assert heads[0] == heads[1]


@pytest.fixture(scope="module")
def browser():
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None or find_spec("playwright") is None:
        pytest.skip(
            "no Chromium or no playwright: apt-get install chromium; pip install 'mimictalk[browser-tests]'"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        fake = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
        chromium = playwright.chromium.launch(executable_path=found, args=fake)
        yield chromium
        chromium.close()


@pytest.fixture
def server(tmp_path):
    """(address with token, start again)"""
    processes = []

    def start(port="0"):
        command = [sys.executable, str(SERVER), str(tmp_path / "studio"), port]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return processes[-1].stdout.readline().split()

    port, token = start()

    class Server:
        address = f"http://127.0.0.1:{port}/#token={token}"

        def kill(self):
            processes[-1].kill()
            processes[-1].wait()

        def restart(self):
            assert start(port)[1] == token

        def let_go(self):
            """Jobs that are held go on."""
            for folder in (tmp_path / "studio/jobs").iterdir():
                (folder / "go").touch()

    yield Server()
    processes[-1].terminate()
    for process in processes:
        process.wait(timeout=30)
        process.stdout.close()


@pytest.fixture
def context(browser):
    """A browser of its own, whose every request to elsewhere, and every error, fails the test."""
    made = browser.new_context(accept_downloads=True)
    made.set_default_timeout(PATIENCE_MS)
    elsewhere, errors = [], []
    made.on(
        "request",
        lambda r: (
            None if r.url.startswith(("http://127.0.0.1", "blob:", "data:")) else elsewhere.append(r.url)
        ),
    )
    made.on("weberror", lambda e: errors.append(str(e.error)))
    yield made
    assert (elsewhere, errors) == ([], [])
    made.close()


@pytest.fixture
def open_page(context, server):
    def go():
        page = context.new_page()
        page.goto(server.address)
        page.wait_for_selector("#connection[data-state=on]")
        return page

    return go


def give(page, where, name, content, kind="video/mp4"):
    page.set_input_files(where, {"name": name, "mimeType": kind, "buffer": content})


class Clicks:
    """A person's clicks, counted."""

    def __init__(self, page):
        self.page, self.count = page, 0

    def __call__(self, selector):
        self.count += 1
        self.page.click(selector)


def make_avatar(page, click, content=MP4, name="me.mp4"):
    give(page, "#clip-file", name, content)
    page.wait_for_selector("text=Make the avatar")
    click("text=Mine: I am the person shown.")
    click("text=Make the avatar")


@slow
def test_from_the_page_to_a_video_in_six_clicks(open_page):
    page = open_page()
    click = Clicks(page)
    click.count += 1  # choosing the clip
    make_avatar(page, click)
    page.wait_for_selector("#work .job progress")
    page.wait_for_selector(".avatar img[src]")
    click.count += 1  # choosing the speech
    give(page, "#speech-file", "hello.wav", WAV, "audio/wav")
    click("text=Make the video")
    page.wait_for_selector(".videos video[src]")
    assert "Marked as synthetic by quick" in page.inner_text(".videos .proof summary")
    with page.expect_download() as download:
        click(".videos >> text=Download")
    assert Path(download.value.path()).read_bytes().startswith(b"\0\0\0\x18ftyp")
    assert download.value.suggested_filename.endswith(".mp4")
    assert click.count <= 6


def shade(page, name="A"):
    """Grey level in the middle of a preview, once no picture is on its way."""
    page.wait_for_function(
        """name => { const of = [...document.querySelectorAll('.preview')].find((e) => e.querySelector('b').textContent === name);
        return of.getAttribute('aria-busy') === 'false' && of.querySelector('img').naturalWidth > 0; }""",
        arg=name,
    )
    return page.evaluate(
        """name => { const of = [...document.querySelectorAll('.preview')].find((e) => e.querySelector('b').textContent === name);
        const canvas = document.createElement('canvas'); canvas.width = canvas.height = 1;
        const pen = canvas.getContext('2d'); pen.drawImage(of.querySelector('img'), 0, 0, 1, 1);
        return pen.getImageData(0, 0, 1, 1).data[0]; }""",
        name,
    )


def shows(page, grey, name="A"):
    for _ in range(100):
        if abs(shade(page, name) - grey) <= 1:
            return
        page.wait_for_timeout(100)
    assert shade(page, name) == grey


@slow
def test_a_slider_changes_the_picture(open_page):
    """The quick studio's picture has the shade 60 + 80 * mouth."""
    page = open_page()
    make_avatar(page, page.click)
    page.wait_for_selector(".avatar img[src]")
    page.click("summary")
    shows(page, 140)
    page.focus("#mouth")
    page.keyboard.press("End")
    shows(page, 220)
    assert page.inner_text("output[for=mouth]") == "×2.0"
    for _ in range(20):  # faster than pictures come: the newest wins
        page.keyboard.press("ArrowLeft")
    shows(page, 60)
    page.check("#comparing")
    shows(page, 60, "B")
    page.fill("#mouth", "1")
    shows(page, 140, "B")
    shows(page, 60, "A")
    page.check("#setting-A")
    assert page.input_value("#mouth") == "0"
    assert page.is_hidden("#yaw")
    page.select_option("#pose", "held")
    page.fill("#yaw", "-15")
    with page.expect_request("**/previews") as sent:
        page.select_option("#gaze", "forward")
    asked = sent.value.post_data_json
    assert (asked["pose"], asked["mouth"]) == ("-15,0,0", 0)
    give(page, "#speech-file", "hello.wav", WAV, "audio/wav")
    with page.expect_request("**/renders") as sent:
        page.click("text=Make the video")
    asked = sent.value.post_data_json
    assert (asked["pose"], asked["gaze"], asked["mouth"], asked["blink"]) == ("-15,0,0", "forward", 0, "auto")
    page.wait_for_selector(".videos video[src]")
    assert "mouth 0 · head -15°, 0°, 0° · looks ahead" in page.inner_text(".videos small")


@slow
def test_a_recording_made_in_the_page(open_page):
    page = open_page()
    make_avatar(page, page.click)
    page.wait_for_selector(".avatar")
    page.click("text=Record")
    page.wait_for_selector("#render small:has-text('2 s')")
    page.click("text=Stop")
    page.click("text=Make the video")
    page.wait_for_selector(".videos video[src]")
    assert "recording" in page.inner_text(".videos h3")
    page.click("text=ARKit CSV")
    page.wait_for_selector("text=Download CSV")


@slow
def test_reload_close_and_restart_in_the_middle(open_page, server):
    page = open_page()
    make_avatar(page, page.click, MP4 + b"held")
    page.wait_for_selector("#work .chart")
    page.reload()
    page.wait_for_selector("#work .chart")
    page.close()
    page = open_page()
    page.wait_for_selector("#work >> text=adapt 10/20")
    server.kill()
    page.wait_for_selector("#connection[data-state=waiting]")
    server.restart()
    page.wait_for_selector("#connection[data-state=on]")
    server.let_go()
    page.wait_for_selector(".avatar img[src]")
    assert page.query_selector("#work .job") is None


@slow
def test_pause_resume_cancel(open_page):
    page = open_page()
    make_avatar(page, page.click, MP4 + b"held")
    page.wait_for_selector("#work .chart")
    page.click("#work >> text=Pause")
    page.wait_for_selector("text=paused at adapt")
    page.click("#work >> text=Resume")
    page.wait_for_selector("#work >> text=Pause")
    page.click("#work >> text=Cancel")
    page.wait_for_selector("#work", state="hidden")
    assert page.query_selector(".avatar") is None


@slow
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.mp4", b"dear diary, this is no video", "it is no video, sound or picture"),
        ("<img src=x onerror=alert(1)>.mp4", MP4 + b"unusable", "no face was found"),
    ],
)
def test_a_bad_file_is_explained(open_page, name, content, said):
    page = open_page()
    page.on("dialog", lambda dialog: pytest.fail("a file's name ran as a script"))
    give(page, "#clip-file", name, content)
    page.wait_for_selector(f"text={said}")
    assert page.query_selector("text=Make the avatar") is None
    if "unusable" in str(content):
        assert "cannot be used" in page.inner_text("#clip")
        page.click("text=Another clip")
    page.wait_for_selector("text=Drop a clip of one person talking")


@slow
def test_two_tabs_show_the_same(open_page):
    first, second = open_page(), open_page()
    make_avatar(first, first.click, MP4 + b"held")
    for page in (first, second):
        page.wait_for_selector("#work .chart")
    second.click("#work >> text=Cancel")
    for page in (first, second):
        page.wait_for_selector("#work", state="hidden")


@slow
def test_by_keyboard_alone(open_page):
    page = open_page()
    give(page, "#clip-file", "me.mp4", MP4)
    page.wait_for_selector("text=Make the avatar")
    page.focus("input[name=consent]")
    page.keyboard.press("Space")
    for _ in range(4):  # name, time, button
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "submit":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(".avatar")
    reached = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.id || document.activeElement.textContent.slice(0, 20)")
        )
    assert {"clip-file", "speech-file", "● Record"} <= reached


@slow
@pytest.mark.parametrize("width", [1440, 768, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(open_page, width, scheme):
    page = open_page()
    make_avatar(page, page.click)
    page.wait_for_selector(".avatar")
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.click("summary")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = (
        page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("color", "backgroundColor")
    )
    assert contrast(ink, paper) >= 7  # WCAG 2.2, 1.4.6


def contrast(first: str, second: str) -> float:
    """Contrast of two rgb() colours (WCAG 2.2)."""

    def light(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([light(first), light(second)])
    return (high + 0.05) / (low + 0.05)


@slow
def test_without_a_token_it_asks(context, server):
    page = context.new_page()
    page.goto(server.address.split("#")[0])
    page.wait_for_selector("dialog[open]")
    assert page.is_hidden("#sign-in-wrong")
    page.fill("#token", "another's")
    page.click("text=Open the studio")
    page.wait_for_selector("text=That is not this studio's token")
    page.fill("#token", server.address.split("token=")[1])
    page.click("text=Open the studio")
    page.wait_for_selector("#connection[data-state=on]")
