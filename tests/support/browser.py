"""Windows of the demo page in Debian's Chromium, spoken of as a person would: open, say, see."""

import shutil
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.support.services import Service, Services

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# A page whose gateway is down cannot connect; the browser says so, and that is no fault of the page.
EXPECTED_COMPLAINT = "WebSocket connection to"

SECONDS = 1000.0
expect.set_options(timeout=15 * SECONDS)


def chromium() -> str:
    """Where the system's browser is; Playwright's own cannot be had everywhere."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail("no Chromium on this machine: the demo page cannot be tested (apt-get install chromium)")
    return found


class Demo:
    """The running services behind the page."""

    def __init__(self, services: Services, api: Service, gateway: Service, settings: dict[str, str]) -> None:
        self._services = services
        self._settings = settings
        self.api = api
        self.gateway = gateway

    def link(self, name: str) -> str:
        return f"{self.api.url}/demo/?name={name}"

    async def end_gateway(self, way: str) -> None:
        """`killed` says no word; `drained` tells everybody when to come back."""
        if way == "killed":
            self.gateway.kill()
        else:
            await self.gateway.stop()

    async def start_gateway(self) -> None:
        """A new process where the old one was."""
        self.gateway = await self._services.start("gateway", port=self.gateway.port, **self._settings)

    async def say(self, name: str, conversation_id: str, *texts: str) -> None:
        """Post over REST, as somebody who needs no gateway."""
        async with httpx.AsyncClient(base_url=self.api.url) as http:
            token = (await http.post("/demo/token", json={"name": name})).json()["token"]
            for text in texts:
                answer = await http.post(
                    f"/v1/conversations/{conversation_id}/messages",
                    json={"content": text},
                    headers={"Authorization": f"Bearer {token}"},
                )
                assert answer.status_code == 201, answer.text


class Window:
    """One window with the page in it."""

    def __init__(self, name: str, page: Page) -> None:
        self.name = name
        self.page = page
        self.state = page.locator("#state")
        self.about = page.locator("#thread-about")
        self.typing = page.locator("#typing")
        self.texts = page.locator("#messages .content")
        self.composer = page.locator("#composer-text")

    @property
    def conversation_id(self) -> str:
        """Of the open conversation."""
        return self.page.url.rpartition("#")[2]

    def entry(self, title: str) -> Locator:
        """The line of a conversation in the list."""
        return self.page.locator(f"#conversations li[data-title='{title}']")

    def badge(self, title: str) -> Locator:
        return self.entry(title).locator(".badge")

    def message(self, text: str) -> Locator:
        return self.page.locator("#messages .message").filter(has_text=text)

    async def connected(self) -> None:
        await expect(self.state).to_have_text("connected")

    async def talk_to(self, name: str) -> None:
        await self.page.fill("#direct-name", name)
        await self.page.press("#direct-name", "Enter")
        await self.is_in(name)

    async def make_group(self, title: str, *names: str) -> None:
        await self.page.click("#group-details summary")
        await self.page.fill("#group-name", title)
        await self.page.fill("#group-members", ", ".join(names))
        await self.page.press("#group-members", "Enter")
        await self.is_in(title)

    async def open(self, title: str) -> None:
        await self.entry(title).locator("button").click()
        await self.is_in(title)

    async def is_in(self, title: str) -> None:
        await expect(self.page.locator("#thread-title")).to_have_text(title)

    async def say(self, text: str) -> None:
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def sees(self, *texts: str) -> None:
        """Exactly these messages, in this order, all of them accepted by the server."""
        await expect(self.texts).to_have_text(list(texts))
        await expect(self.page.locator(".draft")).to_have_count(0)


class Windows:
    """Opens windows, each with storage of its own, and notes what their pages complain about."""

    SWITCHES = (
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    )

    def __init__(self, browser: Browser, demo: Demo, pictures: Path) -> None:
        self._browser = browser
        self._demo = demo
        self._pictures = pictures
        self._windows: list[Window] = []
        self.complaints: list[str] = []

    async def open(self, name: str) -> Window:
        context = await self._browser.new_context(viewport={"width": 1000, "height": 700})
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{name}: {error}"))
        page.on("console", lambda message: self._heard(name, message))
        await page.goto(self._demo.link(name))
        window = Window(name, page)
        self._windows.append(window)
        await window.connected()
        return window

    async def picture_all(self) -> None:
        """A screenshot of every window, for whoever wonders what a failed test saw."""
        for window in self._windows:
            if window.page.is_closed():
                continue
            await window.page.screenshot(path=self._pictures / f"{window.name}.png")

    def _heard(self, name: str, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(EXPECTED_COMPLAINT):
            self.complaints.append(f"{name}: {message.text}")
