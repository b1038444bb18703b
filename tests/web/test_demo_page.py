"""People talking in browser windows, through all three services."""

import pytest
from playwright.async_api import expect

from tests.support.browser import Demo, Windows


async def test_two_people_talk_directly_and_in_a_group(windows: Windows) -> None:
    ann, ben = await windows.open("ann"), await windows.open("ben")

    await ann.talk_to("ben")
    await expect(ann.composer).to_be_focused()
    await ann.say("Hello Ben!")
    await ann.say("Are you there?")
    await expect(ben.badge("ann")).to_have_text("2")
    await expect(ben.page).to_have_title("(2) Causerie")

    await ben.open("ann")
    await ben.sees("Hello Ben!", "Are you there?")
    await expect(ben.badge("ann")).to_have_count(0)

    await ben.composer.press_sequentially("I am")
    await expect(ann.typing).to_have_text("ben is writing")
    await ben.say("I am.")
    await ann.sees("Hello Ben!", "Are you there?", "I am.")
    await expect(ann.typing).to_have_text("")

    eve = await windows.open("eve")
    await ann.make_group("Weekend", "ben", "eve")
    await ann.say("Who is in for a walk?")
    await expect(ben.badge("Weekend")).to_have_text("1")
    for guest in (ben, eve):
        await guest.open("Weekend")
        await guest.say(f"{guest.name} is.")
    for window in (ann, ben, eve):
        await window.sees("Who is in for a walk?", "ben is.", "eve is.")


async def test_presence_is_seen_to_come_and_go(windows: Windows) -> None:
    ann = await windows.open("ann")
    await ann.talk_to("ben")
    await expect(ann.about).to_contain_text("offline")

    ben = await windows.open("ben")
    await expect(ann.about).to_have_text("online")
    await expect(ann.entry("ben").locator(".dot")).to_have_attribute("data-status", "online")

    await ben.page.close()
    # Ten seconds of grace, then the others are told.
    await expect(ann.about).to_contain_text("last seen", timeout=45_000)


async def test_history_is_there_after_a_reload_and_older_messages_on_scrolling_back(
    demo: Demo, windows: Windows
) -> None:
    ann = await windows.open("ann")
    await ann.talk_to("ben")
    said = [f"line {number}" for number in range(1, 61)]
    await demo.say("ben", ann.conversation_id, *said)
    await ann.sees(*said)

    await ann.page.reload()
    await ann.is_in("ben")
    await ann.sees(*said[10:])
    await expect(ann.message("line 60")).to_be_in_viewport()

    await ann.page.locator("#scroll").evaluate("scroll => { scroll.scrollTop = 0 }")
    await ann.sees(*said)
    await expect(ann.message("line 12")).to_be_in_viewport()
    await expect(ann.page.locator("#beginning")).to_have_text("This is where it began.")

    await demo.say("ben", ann.conversation_id, "one more")
    await expect(ann.badge("ben")).to_have_text("1")
    await ann.page.click("#jump")
    await expect(ann.message("one more")).to_be_in_viewport()
    await expect(ann.badge("ben")).to_have_count(0)


async def test_own_messages_are_edited_and_deleted_and_markup_stays_text(windows: Windows) -> None:
    ann, ben = await windows.open("ann"), await windows.open("ben")
    await ann.talk_to("ben")
    await ann.say("<img src=x onerror=alert(1)>")
    await ann.say("Helo")
    await ann.say("a secret")
    await ben.open("ann")
    await ben.sees("<img src=x onerror=alert(1)>", "Helo", "a secret")

    await ann.message("Helo").hover()
    await ann.message("Helo").get_by_role("button", name="Edit").click()
    await ann.page.get_by_label("Edit the message").fill("Hello")
    await ann.page.keyboard.press("Enter")
    await ann.message("a secret").hover()
    await ann.message("a secret").get_by_role("button", name="Delete").click()
    await ann.message("a secret").get_by_role("button", name="Really?").click()

    for window in (ann, ben):
        await window.sees("<img src=x onerror=alert(1)>", "Hello", "This message was deleted.")
        await expect(window.message("Hello").locator(".meta")).to_contain_text("edited")
        await expect(window.page.locator("#messages img")).to_have_count(0)
    await expect(ben.message("Hello").get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("way", ["killed", "drained"])
async def test_a_page_comes_back_after_the_gateway_and_misses_nothing(demo: Demo, windows: Windows, way: str) -> None:
    ann, ben = await windows.open("ann"), await windows.open("ben")
    await ann.talk_to("ben")
    await ann.say("before")
    await ben.open("ann")
    await ben.sees("before")

    await demo.end_gateway(way)
    await expect(ann.state).not_to_have_text("connected")
    await demo.say("ben", ann.conversation_id, "missed")
    await ann.say("written in the dark")
    await expect(ann.page.locator(".draft")).to_contain_text("waiting for the connection")

    await demo.start_gateway()
    for window in (ann, ben):
        await expect(window.state).to_have_text("connected", timeout=45_000)
        await window.sees("before", "missed", "written in the dark")
    await ben.say("welcome back")
    await ann.sees("before", "missed", "written in the dark", "welcome back")
