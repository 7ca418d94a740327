"""The settings of a service: what its owner sees and changes of it over REST."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect
from twilio.base.exceptions import TwilioRestException

from local.console.files import CONSOLE_FILES
from parley.domain.roles import CHANNEL, DEPLOYMENT, PERMISSIONS
from parley.domain.users import RESERVED_IDENTITIES
from parley.faces.chat_events import POST_EVENTS, PRE_EVENTS, names
from tests.console.console import Console


def dialog(console: Console) -> Locator:
    """The dialog that lies on top."""
    return console.dialog.last


def press(console: Console, name: str) -> None:
    dialog(console).get_by_role("button", name=name, exact=True).click()


def open_settings(console: Console, tab: str) -> Locator:
    """Open a tab of the settings and wait until it has read what it shows."""
    console.header("Service settings").click()
    console.dialog.get_by_role("tab", name=tab).click()
    panel = console.dialog.get_by_role("tabpanel", name=tab)
    expect(panel.locator("form, ul").first).to_be_visible()
    return panel


def test_a_service_shows_its_sid_and_is_deleted_after_a_confirmation_that_names_it(
    console: Console, twilio: Any, service: Any
) -> None:
    sid = service.sid
    expect(console.page.locator("#service-sid")).to_have_attribute("title", f"Copy {sid}")
    panel = open_settings(console, "General")
    expect(panel.locator("code")).to_have_text(sid)
    press(console, "Delete service")
    expect(dialog(console).locator("h2")).to_have_text(f"Delete the service “{service.friendly_name}”?")
    press(console, "Cancel")
    assert twilio.chat.v2.services(sid).fetch().sid == sid
    press(console, "Delete service")
    press(console, f"Delete “{service.friendly_name}”")
    expect(console.dialog).to_have_count(0)
    expect(console.page.locator(f"#service option[value={sid}]")).to_have_count(0)
    with pytest.raises(TwilioRestException, match="404"):
        twilio.chat.v2.services(sid).fetch()


def test_webhooks_notifications_and_limits_are_shown_and_changed(console: Console, twilio: Any) -> None:
    service = twilio.chat.v2.services(console.service_sid)
    service.update(webhook_filters=["onMessageSend", "onMessageSent"], limits_channel_members=7)
    panel = open_settings(console, "Webhooks")
    expect(panel.locator("input:checked")).to_have_count(2)
    panel.get_by_label("Pre-event URL").fill("http://127.0.0.1:9/before")
    panel.get_by_label("Post-event URL").fill("http://127.0.0.1:9/after")
    panel.get_by_label("Further attempts, post-event").select_option("3")
    panel.get_by_label("onMessageSent", exact=True).uncheck()
    panel.get_by_label("onUserAdded").check()
    panel.get_by_role("button", name="Save").click()
    expect(console.dialog).to_have_count(0)
    stored = service.fetch()
    assert (stored.pre_webhook_url, stored.post_webhook_url) == (
        "http://127.0.0.1:9/before",
        "http://127.0.0.1:9/after",
    )
    assert (stored.post_webhook_retry_count, sorted(stored.webhook_filters)) == (3, ["onMessageSend", "onUserAdded"])
    panel = open_settings(console, "Notifications")
    panel.get_by_label("Invited to a channel", exact=True).check()
    panel.get_by_label("Invited to a channel: words").fill("Come to ${CHANNEL}")
    panel.get_by_role("button", name="Save").click()
    expect(console.dialog).to_have_count(0)
    notifications = service.fetch().notifications
    assert notifications["invited_to_channel"] == {"enabled": True, "template": "Come to ${CHANNEL}"}
    assert notifications["new_message"]["enabled"] is False
    panel = open_settings(console, "Limits")
    expect(panel.get_by_label("Members of a channel")).to_have_value("7")
    panel.get_by_label("Members of a channel").fill("8")
    panel.get_by_role("button", name="Save").click()
    expect(console.dialog).to_have_count(0)
    assert service.fetch().limits["channel_members"] == 8


def test_a_role_is_made_and_changed_and_becomes_the_default(console: Console, twilio: Any) -> None:
    service = twilio.chat.v2.services(console.service_sid)
    panel = open_settings(console, "Roles")
    expect(panel.locator("li")).to_have_count(4)
    press(console, "New role")
    dialog(console).get_by_label("Name").fill("guest")
    dialog(console).get_by_label("Type").select_option("channel")
    press(console, "Next")
    dialog(console).get_by_label("sendMessage").check()
    press(console, "Create")
    guest = panel.locator("li").filter(has_text="guest")
    expect(guest).to_contain_text("in a channel · 1 permission")
    guest.get_by_role("button").click()
    dialog(console).get_by_label("leaveChannel").check()
    press(console, "Save")
    expect(guest).to_contain_text("2 permissions")
    panel.get_by_label("New members get").select_option("guest")
    panel.get_by_role("button", name="Save").click()
    expect(guest).to_contain_text("new members get it")
    [role] = [role for role in service.roles.list() if role.friendly_name == "guest"]
    assert sorted(role.permissions) == ["leaveChannel", "sendMessage"]
    assert service.fetch().default_channel_role_sid == role.sid


def test_a_users_attributes_are_changed_and_what_is_no_json_is_said_at_once(console: Console, twilio: Any) -> None:
    users = twilio.chat.v2.services(console.service_sid).users
    users("bob").update(friendly_name="Bob", attributes='{"team": 1}')
    panel = open_settings(console, "Users")
    bob = panel.locator("li[data-identity=bob]")
    expect(bob).to_contain_text("Bob · service user")
    bob.get_by_role("button").click()
    attributes = dialog(console).get_by_label("Attributes (JSON)")
    expect(attributes).to_have_value('{\n  "team": 1\n}')
    attributes.fill('{"team": ')
    expect(dialog(console).get_by_role("alert").first).to_contain_text("This is not JSON")
    press(console, "Save")
    expect(attributes).to_be_focused()
    attributes.fill('{"team": 2}')
    dialog(console).get_by_label("Friendly name").fill("Robert")
    press(console, "Save")
    expect(bob).to_contain_text("Robert")
    stored = users("bob").fetch()
    assert (stored.attributes, stored.friendly_name) == ('{"team":2}', "Robert")


def test_api_keys_are_made_renamed_and_deleted_but_not_the_one_that_the_tab_uses(console: Console, twilio: Any) -> None:
    keys = twilio.api.v2010.account.keys
    before = {key.sid for key in keys.list()}
    panel = open_settings(console, "API keys")
    own = panel.locator(f"li[data-sid={console.stack.info['api_key_sid']}]")
    expect(own).to_contain_text("signs the tokens of this tab")
    expect(own.get_by_role("button", name="Delete")).to_have_count(0)
    press(console, "New key")
    dialog(console).get_by_label("Name").fill("for a bot")
    press(console, "Create")
    expect(dialog(console).locator("code")).to_have_count(2)
    sid, secret = dialog(console).locator("code").all_inner_texts()
    assert re.fullmatch("SK[0-9a-f]{32}", sid) and len(secret) == 32
    console.page.keyboard.press("Escape")
    row = panel.locator(f"li[data-sid={sid}]")
    row.get_by_role("button", name="Rename").click()
    dialog(console).get_by_label("Name").fill("for two bots")
    press(console, "Save")
    expect(row).to_contain_text("for two bots")
    assert keys(sid).fetch().friendly_name == "for two bots"
    row.get_by_role("button", name="Delete").click()
    expect(dialog(console)).to_contain_text(sid)
    press(console, "Delete")
    expect(row).to_have_count(0)
    assert {key.sid for key in keys.list()} == before
    assert secret not in str(console.page.locator("#tool-events").text_content())


def test_the_page_knows_the_permissions_events_and_reserved_identities_of_the_service() -> None:
    text = (CONSOLE_FILES / "names.js").read_text()
    lists = {
        name: set(re.findall("'(\\w+)'", body)) for name, body in re.findall(r"const (\w+) = \[(.*?)\];", text, re.S)
    }
    assert (lists["PRE_EVENTS"], lists["POST_EVENTS"]) == (set(names(PRE_EVENTS)), set(names(POST_EVENTS)))
    assert lists["RESERVED"] == RESERVED_IDENTITIES
    for kind in (DEPLOYMENT, CHANNEL):
        [body] = re.findall(rf"  {kind}: \[(.*?)\.\.\.IN_BOTH", text, re.S)
        known = {name for name, kinds in PERMISSIONS.items() if kind in kinds}
        assert set(re.findall(r"'(\w+)'", body)) | lists["IN_BOTH"] == known
