"""A real browser, and what it must never do: print an error, break the content policy, ask another server.

tests/support/install.sh brings Debian's Chromium, Playwright and axe-core.
"""
import contextlib
import os
import sys

from support.packages import cache_dir, missing

CHROMIUM = "/usr/bin/chromium"
AXE = f"{cache_dir()}/axe/package/axe.min.js"
LIBRARIES = f"{cache_dir()}/browser"

# Told by the browser to the page, where a test reads it.
WATCH_POLICY = """document.addEventListener('securitypolicyviolation',
  event => console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`))"""


@contextlib.contextmanager
def chromium():
    """Headless; one serves all tests of a file."""
    if not (os.path.exists(CHROMIUM) and os.path.exists(AXE) and os.path.exists(f"{LIBRARIES}/requirements.txt")):
        missing("the browser")
    if LIBRARIES not in sys.path:
        sys.path.insert(0, LIBRARIES)
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """A tab in a context of its own (cookies too), and all that was wrong in it since it was opened."""

    def __init__(self, browser, origin, width=1280, height=800, scheme="light", **context):
        self.origin = origin
        self.context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-GB",
                                           timezone_id="UTC", **context)
        self.context.set_default_timeout(80_000)
        self.page = self.context.new_page()
        self.page.add_init_script(WATCH_POLICY)
        self.wrong, self.expected = [], []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"exception: {error}"))
        self.page.on("request", self._request)

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _request(self, request):
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.wrong.append(f"asked another server: {request.url}")

    def open(self, path="/"):
        self.page.goto(self.origin + path)
        return self.page

    def expect(self, text):
        """An error that a test provokes: what the console says of it counts as right."""
        self.expected.append(text)

    def check(self):
        wrong = [line for line in self.wrong if not any(text in line for text in self.expected)]
        assert not wrong, "the browser tells: " + "; ".join(wrong)

    def accessible(self):
        """No violation of what axe-core checks by itself: WCAG 2 A and AA, and its best practices."""
        with open(AXE) as file:
            self.page.evaluate(file.read())
        found = self.page.evaluate("""async () => (await axe.run(document, {resultTypes: ['violations']})).violations
            .map(v => `${v.id}: ${v.help}: ${v.nodes.map(n => n.target.join(' ')).slice(0, 5).join(', ')}`)""")
        assert not found, "axe-core: " + "; ".join(found)

    def close(self):
        self.context.close()
