"""The checks of `parley phones doctor`: the AWS account, what the stack has made there, and each enabled number.

The checks read, and change nothing. Each says what it found and, if something is wrong, what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.doctor import FAILED, OK, SKIPPED, WARNING, Result
from cli.end_user_messaging import BLOCK, PROTECTED, SMS, EndUserMessaging, Number
from cli.place import Place
from cli.senders import SenderRecords, Wiring
from cli.trouble import said

_AGAIN = "`parley phones enable {}` puts it right."
_CONSOLE = "the console of End User Messaging SMS"
# The name of the check, AWS's name of the limit.
_SPENDING = {"texts": "TEXT_MESSAGE_MONTHLY_SPEND_LIMIT", "files": "MEDIA_MESSAGE_MONTHLY_SPEND_LIMIT"}
# Carriers in the United States drop what comes from such a number before it is registered.
_REGISTERED_IN_US = ("TEN_DLC", "TOLL_FREE", "SHORT_CODE")
# Each of these events says what became of a text or of a file.
_EVENTS = {"ALL", "TEXT_ALL"}
_RATINGS = {"GREEN": OK, "YELLOW": WARNING, "RED": FAILED}


def examine(place: Place, records: SenderRecords) -> Iterator[Result]:
    """The results, as they come.

    Raises:
        Trouble: the stack has no phones.
    """
    wiring = Wiring.of(place)
    checks = _Checks(place, wiring)
    enabled = records.all()
    yield from checks.account()
    yield from checks.stack()
    if not enabled:
        yield Result("numbers", WARNING, "no number is enabled", "`parley phones list` shows what there is.")
    for address, record in sorted(enabled.items()):
        yield from checks.number(address, record)


class _Checks:
    def __init__(self, place: Place, wiring: Wiring) -> None:
        self._place = place
        self._wiring = wiring
        self._aws = EndUserMessaging(place.client)
        self._numbers: dict[str, dict[str, Number]] = {}
        self._registrations: dict[str, str] | None = None

    # The AWS account.

    def account(self) -> Iterator[Result]:
        try:
            tier, limits = self._aws.tier(), self._aws.spend_limits()
        except (BotoCoreError, ClientError) as error:
            yield Result("account", FAILED, self._line(error), "Allow the actions that docs/cli.md names.")
            return
        if tier == "SANDBOX":
            detail = "the account is in AWS's sandbox: texts go only to numbers that you have verified"
            yield Result("account", WARNING, detail, f"Verify a number, or request production access, in {_CONSOLE}.")
        else:
            yield Result("account", OK, f"its tier is {tier or 'not told'}")
        for name, limit in _SPENDING.items():
            if limit not in limits:
                continue
            enforced, most = limits[limit]
            detail = f"AWS lets the account spend ${enforced:,} a month on {name}"
            detail += f", and up to ${most:,} if you raise the limit" if most > enforced else ""
            if enforced <= 1:
                advice = f"After that, AWS refuses {name}. Raise the limit in {_CONSOLE}, or ask AWS Support to do it."
                yield Result("spending", WARNING, detail, advice)
            else:
                yield Result("spending", OK, detail)

    # What the stack has made.

    def stack(self) -> Iterator[Result]:
        yield self._reports()
        if not self._wiring.countries:
            yield Result("countries", SKIPPED, "SmsCountries names none, so texts may go anywhere")
            return
        for capability in PROTECTED:
            yield self._countries(capability)

    def _reports(self) -> Result:
        name = self._wiring.configuration_set
        try:
            destinations = self._aws.event_destinations(name)
        except (BotoCoreError, ClientError) as error:
            advice = "Deploy the stack again: texts name this configuration set."
            return Result("reports", FAILED, f"the configuration set {name}: {self._line(error)}", advice)
        for one in destinations:
            if one["Enabled"] and one.get("SnsDestination") and _EVENTS & set(one["MatchingEventTypes"]):
                return Result("reports", OK, f"AWS reports about texts to {one['SnsDestination']['TopicArn']}")
        detail = f"AWS reports nothing about texts: {name} has no destination that is switched on and gets TEXT_ALL"
        return Result("reports", FAILED, detail, "Deploy the stack again: receipts stay at `sent` until then.")

    def _countries(self, capability: str) -> Result:
        wanted = self._wiring.countries
        try:
            rules = self._aws.country_rules(self._wiring.protection, capability)
        except (BotoCoreError, ClientError) as error:
            return Result("countries", FAILED, self._line(error), "Deploy the stack again.")
        open_ = {country for country, rule in rules.items() if rule != BLOCK}
        if too_many := open_ - wanted:
            some = ", ".join(sorted(too_many)[:5]) + (" …" if len(too_many) > 5 else "")
            detail = f"{capability} may go to {len(too_many)} countries that SmsCountries does not name: {some}"
            advice = "Strangers can make such texts expensive. " + _AGAIN.format("NUMBER")
            return Result("countries", FAILED, detail, advice)
        if closed := (wanted & rules.keys()) - open_:
            detail = f"{capability} may not go to {', '.join(sorted(closed))}"
            return Result("countries", FAILED, detail, _AGAIN.format("NUMBER"))
        if not open_:
            return Result("countries", WARNING, f"AWS sends no {capability} to {', '.join(sorted(wanted))}")
        return Result("countries", OK, f"{capability} may go to {', '.join(sorted(open_))}")

    # One number.

    def number(self, address: str, record: Mapping[str, Any]) -> Iterator[Result]:
        kind = str(record["kind"])
        try:
            number = self._all(kind).get(address)
        except (BotoCoreError, ClientError) as error:
            yield Result(address, FAILED, self._line(error), "Allow the actions that docs/cli.md names.")
            return
        if number is None:
            detail = "the AWS account no longer has it in this Region"
            yield Result(address, FAILED, detail, f"`parley phones disable {address}` forgets it.")
            return
        yield from self._sms(number, record) if kind == SMS else self._whatsapp(number)

    def _all(self, kind: str) -> dict[str, Number]:
        if kind not in self._numbers:
            found = self._aws.phone_numbers() if kind == SMS else self._aws.whatsapp_numbers()
            self._numbers[kind] = {number.address: number for number in found}
        return self._numbers[kind]

    def _sms(self, number: Number, record: Mapping[str, Any]) -> Iterator[Result]:
        name, again = number.address, _AGAIN.format(number.address)
        about = f"{number.status}, {number.type}, {number.country}, {', '.join(number.capabilities)}"
        rates = ", ".join(f"{rate} {capability} a second" for capability, rate in sorted(number.rates.items()))
        about = f"{about}; AWS takes {rates}" if rates else about
        if number.status == "ACTIVE":
            yield Result(name, OK, about)
        else:
            yield Result(name, FAILED, about, f"Only an ACTIVE number can send: its page in {_CONSOLE} says more.")
        yield self._registration(number)
        yield self._inbound(number)
        if number.manages_opt_outs:
            detail = "AWS does not answer STOP, and sends texts to people who wrote it: opt-outs are self-managed"
            yield Result(name, FAILED, detail, again)
        elif number.opt_out_list != record["opt_out_list"]:
            detail = f"those who write STOP are on the list {number.opt_out_list}, not on {record['opt_out_list']}"
            yield Result(name, FAILED, detail, again)

    def _registration(self, number: Number) -> Result:
        name = number.address
        if not number.registration:
            if number.country == "US" and number.type in _REGISTERED_IN_US:
                detail = f"AWS names no registration of this {number.type} number"
                advice = f"Carriers drop texts of unregistered numbers. Register it in {_CONSOLE}."
                return Result(name, WARNING, detail, advice)
            return Result(name, SKIPPED, "AWS names no registration")
        try:
            if self._registrations is None:
                self._registrations = self._aws.registrations()
        except (BotoCoreError, ClientError) as error:
            return Result(name, FAILED, self._line(error), "Allow the actions that docs/cli.md names.")
        status = self._registrations.get(number.registration, "unknown to AWS")
        detail = f"its registration {number.registration} is {status}"
        if status == "COMPLETE":
            return Result(name, OK, detail)
        advice = f"Carriers drop texts until it is COMPLETE. {_CONSOLE[0].upper()}{_CONSOLE[1:]} says what is missing."
        return Result(name, FAILED, detail, advice)

    def _inbound(self, number: Number) -> Result:
        name, wiring = number.address, self._wiring
        role = wiring.role if number.kind == SMS else ""
        if (number.inbound_arn, number.inbound_role) == (wiring.topic, role):
            return Result(name, OK, "what people write comes to this stack")
        if number.inbound_arn == wiring.topic:
            detail = f"AWS publishes what people write with the role {number.inbound_role or '(none)'}"
            return Result(name, FAILED, detail, _AGAIN.format(name))
        where = f"goes to {number.inbound_arn}" if number.inbound_arn else "is lost: no destination is set"
        again = f"{name} --force" if number.inbound_arn else name
        return Result(name, FAILED, f"what people write {where}", _AGAIN.format(again))

    def _whatsapp(self, number: Number) -> Iterator[Result]:
        name = number.address
        detail = f"its business account {number.waba_name} is {number.status}"
        if number.status == "COMPLETE":
            yield Result(name, OK, detail)
        else:
            advice = "Finish its registration in the console of End User Messaging Social."
            yield Result(name, FAILED, detail, advice)
        outcome = _RATINGS.get(number.quality.upper(), SKIPPED)
        advice = "" if outcome in (OK, SKIPPED) else "Meta's WhatsApp Manager says what people complained about."
        yield Result(name, outcome, f"Meta rates its quality {number.quality or 'not yet'}", advice)
        yield self._inbound(number)

    def _line(self, error: Exception) -> str:
        return said(error, self._place.is_local) or str(error)
