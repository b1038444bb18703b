"""The demo page in a real browser, on real services."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from causerie.embedded.ports import free_port
from tests.support.browser import Demo, Windows, chromium
from tests.support.services import Services


@pytest.fixture
async def demo(services: Services) -> Demo:
    """All three services as `causerie run` starts them; the page comes from the API."""
    port, gateway_port = free_port(), free_port()
    settings = {
        "CAUSERIE_DEMO": "1",
        "CAUSERIE_GATEWAY_URL": f"ws://127.0.0.1:{gateway_port}/ws",
        "CAUSERIE_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
    }
    await services.start("worker")
    gateway = await services.start("gateway", port=gateway_port, **settings)
    api = await services.start("api", port=port, **settings)
    return Demo(services, api, gateway, settings)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(Windows.SWITCHES))
        yield browser
        await browser.close()


@pytest.fixture
async def windows(demo: Demo, browser: Browser, tmp_path: Path) -> AsyncIterator[Windows]:
    """Opens the page as somebody: `ann = await windows.open("ann")`.  No page may have complained at the end."""
    opened = Windows(browser, demo, tmp_path)
    yield opened
    await opened.picture_all()
    assert opened.complaints == []
