"""Devices: a user's bindings as the planning of notifications reads them, and which binding holds an address.

Three items stand for each registered device, and every commit here keeps them in step:

    BINDING    the registration, as REST shows it
    PUSH       all devices of one user in one item, so that an audience is read in few requests
    DEVICE     the binding that holds an address: a phone shows the messages of one identity only

Bindings from before the other two existed have only the first. They are listed and deleted like all others, and get the
other items when their device registers again, which it does whenever its app starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from parley.domain.memberships import birth_of, own
from parley.domain.presence import is_notifiable
from parley.domain.push import MOST_DEVICES, oldest
from parley.domain.users import NEXT_VERSION
from parley.errors import CONCURRENT_UPDATE, NOT_FOUND, USER_NOT_FOUND, ignoring
from parley.operations import verbs
from parley.operations.context import Context
from parley.operations.reachability import is_enabled
from parley.records.bindings import BINDING
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from parley.store.table import Records
from parley.store.writes import Bury, Create, Erase, Guard, Present, Update, Write
from parley.stored import Binding, Device, HeldAddress, User, UserDevices

# How often a change is tried. Each attempt that fails means that another device of the user was registered or removed.
ATTEMPTS = 20


def address_key(service_sid: str, credential_sid: str | None, address: str) -> Key[HeldAddress]:
    """The key of the item that names the binding with this address.

    A push service knows an address together with a credential. Without a credential, the service stands in for it.
    """
    return keys.device(sha256(f"{credential_sid or service_sid}#{address}".encode()).hexdigest())


def wanted(binding: Mapping[str, Any]) -> list[Key[Any]]:
    """The keys of the items beside binding and user that `register` needs."""
    return [keys.user_devices(binding["user_sid"]), _key_of(binding)]


def register(context: Context, owner: User, binding: Record, earlier: Binding | None, found: Records) -> Record:
    """Store the registration of a device of `owner`, in place of an `earlier` one; returns it as it is stored.

    Whoever held the address loses its registration. If there are too many devices, the oldest goes. `found` holds the
    items of `wanted`.

    Raises:
        Refusal: 20409 if something has changed since the items were read; 50200 if the user is gone.
    """
    known = found.get(keys.user_devices(owner["sid"]))
    if known is not None and not own(known, owner):
        # An earlier user with the same identity had them. The sweep after its deletion would soon do the same.
        forget(context, known)
        raise CONCURRENT_UPDATE()
    me = _Person(owner, known)
    change = _Change(context, me)
    change.hold(binding, found.get(_key_of(binding)))
    me.come[binding["sid"]] = _device(binding)
    me.must_live = earlier is None
    me.more += earlier is None
    if len(me.left) > MOST_DEVICES:
        # Of devices that registered at the same time, the new one stays.
        change.evict(oldest({sid: one for sid, one in me.left.items() if sid not in me.come}))
    return change.carry_out(_registration(binding, owner, earlier))


def _registration(binding: Record, owner: User, earlier: Binding | None) -> Write:
    key, user = keys.binding(binding["service_sid"], binding["sid"]), binding["user_sid"]
    if earlier is None:
        return Create(key, binding, taken=CONCURRENT_UPDATE(), index=keys.in_user_bindings(user, binding["sid"]))
    changed = {**binding, "date_created": earlier["date_created"]}
    same = verbs.same_user(birth_of(owner), CONCURRENT_UPDATE())
    as_read = _as_read(earlier)
    return Update(key, CONCURRENT_UPDATE(), set=changed, guards=(same, *as_read))


def remove(context: Context, binding: Binding, address: str = "") -> None:
    """Remove a registration with its device, and take it off its user's count.

    With `address`, nothing happens if the device has registered again since, with this address or another one.

    Raises:
        Refusal: 20404 if it is gone; 20409 if something has changed meanwhile, every time.
    """
    binding_key = keys.binding(binding["service_sid"], binding["sid"])
    user_key, devices_key = keys.user(binding["user_sid"]), keys.user_devices(binding["user_sid"])

    def attempt(context: Context) -> None:
        found = context.table.fetch_many([binding_key, user_key, devices_key])
        there = found.get(binding_key)
        if there is None or birth_of(there) != birth_of(binding):
            raise NOT_FOUND()
        if not address or (there["address"], there["date_updated"]) == (address, binding["date_updated"]):
            change = _Change(context, _Person(found.get(user_key), found.get(devices_key)))
            change.take_off(there)
            change.carry_out()

    verbs.retried(context, attempt, CONCURRENT_UPDATE, USER_NOT_FOUND, attempts=ATTEMPTS)


def forget(context: Context, devices: UserDevices) -> None:
    """Erase what is left of a deleted user's devices beside their bindings; nothing happens if that was done."""
    held = [(sid, _key_of_device(devices["service_sid"], device)) for sid, device in devices["devices"].items()]
    for sid, key in held:
        ours = Guard("binding_sid", "=", sid, NOT_FOUND())
        with ignoring(NOT_FOUND):
            context.table.commit(context.cause(), [Erase(key, NOT_FOUND(), (ours,))])
    unchanged = Guard("revision", "=", devices["revision"], NOT_FOUND())
    with ignoring(NOT_FOUND):
        context.table.commit(
            context.cause(), [Erase(keys.user_devices(devices["user_sid"]), NOT_FOUND(), (unchanged,))]
        )


def note_endpoints(context: Context, user_sid: str, endpoints: Mapping[str, tuple[str, str]]) -> None:
    """Note the ARNs under which a user's devices were reached: of a binding, its address and the ARN.

    A device that has another address by now is left out. If another request changes the user's devices at the same
    time, nothing is noted: the next notification finds out again.
    """
    held = context.table.fetch(keys.user_devices(user_sid))
    if held is None:
        return
    noted: dict[str, Device] = {
        sid: {**device, "arn": endpoints[sid][1]}
        for sid, device in held["devices"].items()
        if sid in endpoints and endpoints[sid][0] == device["address"] and endpoints[sid][1] != device.get("arn")
    }
    if noted:
        with ignoring(CONCURRENT_UPDATE):
            context.table.commit(context.cause(), [_replaced(context, held, {**held["devices"], **noted})])


@dataclass
class _Person:
    """A user whose devices change: what was read of it, and the changes. No user is there if it was deleted.

    Attributes:
        come: The devices that are new, or registered again, by binding.
        gone: The bindings whose devices leave.
        more: How many bindings the user has more than before.
        must_live: Whether the commit must fail if the user is gone, since nothing else in it says so.
    """

    user: User | None
    devices: UserDevices | None
    come: dict[str, Device] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    more: int = 0
    must_live: bool = False

    @property
    def before(self) -> Mapping[str, Device]:
        return self.devices["devices"] if self.devices else {}

    @property
    def left(self) -> dict[str, Device]:
        """The devices after the change."""
        return {sid: one for sid, one in {**self.before, **self.come}.items() if sid not in self.gone}


class _Change:
    """The writes of one commit. It changes the devices of one user, or of two if an address changes hands."""

    def __init__(self, context: Context, person: _Person) -> None:
        self._context = context
        self._me = person
        self._people = [person]
        self._writes: list[Write] = []

    def hold(self, binding: Record, holder: HeldAddress | None) -> None:
        """Let a binding of the first user hold its address, which `holder` held before."""
        key, sid = _key_of(binding), binding["sid"]
        ours = {"binding_sid": sid, "service_sid": binding["service_sid"], "user_sid": binding["user_sid"]}
        before = self._me.before.get(sid)
        if before is not None and (old := _key_of_device(binding["service_sid"], before)) != key:
            self._writes.append(_released(old, sid))
        if holder is None:
            self._writes.append(Create(key, ours, taken=CONCURRENT_UPDATE()))
        elif holder["binding_sid"] != sid:
            self._expel(holder)
            unchanged = Guard("binding_sid", "=", holder["binding_sid"], CONCURRENT_UPDATE())
            self._writes.append(Update(key, CONCURRENT_UPDATE(), set=ours, guards=(unchanged,), announced=False))

    def _expel(self, holder: HeldAddress) -> None:
        """Remove the registration that holds an address. The address itself passes on."""
        binding_key = keys.binding(holder["service_sid"], holder["binding_sid"])
        user_key, devices_key = keys.user(holder["user_sid"]), keys.user_devices(holder["user_sid"])
        found = self._context.table.fetch_many([binding_key, user_key, devices_key])
        person = self._me
        if person.user is None or holder["user_sid"] != person.user["sid"]:
            person = _Person(found.get(user_key), found.get(devices_key))
            self._people.append(person)
        person.gone.add(holder["binding_sid"])
        # The sweep of a deleted service may have erased it.
        if binding := found.get(binding_key):
            self._bury(person, binding)

    def evict(self, sid: str) -> None:
        """Remove a device of the first user; its registration too, if it is still there."""
        assert self._me.user is not None
        device, service_sid = self._me.left[sid], self._me.user["service_sid"]
        self._me.gone.add(sid)
        self._writes.append(_released(_key_of_device(service_sid, device), sid))
        if binding := self._context.table.fetch(keys.binding(service_sid, sid)):
            self._bury(self._me, binding)

    def take_off(self, binding: Binding) -> None:
        """Remove a registration of the first user, which may have been deleted."""
        sid, person = binding["sid"], self._me
        device = person.before.get(sid)
        if device is not None and person.devices is not None and birth_of(person.devices) == birth_of(binding):
            person.gone.add(sid)
            self._writes.append(_released(_key_of_device(binding["service_sid"], device), sid))
        self._bury(person, binding)

    def _bury(self, person: _Person, binding: Binding) -> None:
        path = {"service_sid": binding["service_sid"], "sid": binding["sid"]}
        gone = verbs.bury(self._context, BINDING, path, binding)
        same = verbs.same_user(birth_of(binding), NOT_FOUND())
        self._writes.append(Bury(gone.key, NOT_FOUND(), gone.record, gone.expires_at, (same, *_as_read(binding))))
        # The devices of a deleted user are counted nowhere.
        if person.user is not None and own(binding, person.user):
            person.more -= 1

    def carry_out(self, *first: Write) -> Record:
        """Carry out all writes; returns what the first one stored."""
        counts = [write for person in self._people for write in self._count(person)]
        devices = [write for person in self._people for write in self._devices(person)]
        return self._context.table.commit(self._context.cause(), [*first, *self._writes, *counts, *devices])[0]

    def _count(self, person: _Person) -> list[Write]:
        """The write that changes a user's count of bindings, or the condition that the user is the same."""
        user = person.user
        if user is not None and person.more:
            return [_counted(self._context, user, person.more)]
        if user is None or not person.must_live:
            return []
        same = verbs.same_user(birth_of(user), USER_NOT_FOUND())
        return [Present(keys.user(user["sid"]), USER_NOT_FOUND(), (same,))]

    def _devices(self, person: _Person) -> list[Write]:
        """The write that replaces a user's devices."""
        if person.devices is not None:
            has_changed = person.come or person.gone & person.before.keys()
            return [_replaced(self._context, person.devices, person.left)] if has_changed else []
        if person.user is None or not person.left:
            return []
        user = person.user
        new: UserDevices = {
            "user_sid": user["sid"],
            "identity": user["identity"],
            "service_sid": user["service_sid"],
            "birth": birth_of(user),
            "revision": self._context.ids.unique(),
            "devices": person.left,
        }
        return [Create(keys.user_devices(user["sid"]), new, taken=CONCURRENT_UPDATE())]


def _replaced(context: Context, held: UserDevices, left: Mapping[str, Device]) -> Write:
    """The write that leaves these devices, if they are still as they were read."""
    key = keys.user_devices(held["user_sid"])
    unchanged = Guard("revision", "=", held["revision"], CONCURRENT_UPDATE())
    if not left:
        return Erase(key, CONCURRENT_UPDATE(), (unchanged,))
    set_ = {"devices": left, "revision": context.ids.unique()}
    return Update(key, CONCURRENT_UPDATE(), set=set_, guards=(unchanged,), announced=False)


def _counted(context: Context, user: User, more: int) -> Update:
    """The write that adds `more`, 1 or -1, to a user's count of bindings.

    A user is notifiable while it has one. The write is announced if it changes that and the service has reachability
    enabled. Other requests may have changed the count since the user was read. If that decides whether this write
    changes `is_notifiable`, the write is refused with 20409. If the user was deleted, it is refused with 50200.
    """
    count = user.get("bindings_count", 0)
    is_changed = is_notifiable({"bindings_count": count + more}) != is_notifiable(user)
    service_key = keys.service(context.account_sid, user.get("service_sid", ""))
    is_announced = is_changed and is_enabled(context.configuration.fetch(service_key))
    # From this count on, adding `more` changes `is_notifiable`.
    changing_count = 0 if more > 0 else 1
    test = ("=" if "bindings_count" in user else "missing") if is_changed else "<>"
    as_read = Guard("bindings_count", test, count if is_changed else changing_count, CONCURRENT_UPDATE())
    same = verbs.same_user(birth_of(user), USER_NOT_FOUND())
    add = {"bindings_count": more} | (NEXT_VERSION if is_announced else {})
    return Update(keys.user(user["sid"]), USER_NOT_FOUND(), add=add, guards=(same, as_read), announced=is_announced)


def _released(key: Key[HeldAddress], binding_sid: str) -> Erase:
    return Erase(key, CONCURRENT_UPDATE(), (Guard("binding_sid", "=", binding_sid, CONCURRENT_UPDATE()),))


def _as_read(binding: Binding) -> tuple[Guard, ...]:
    """The guards that a registration is the one that was read, and was not made again since."""
    return tuple(Guard(name, "=", binding[name], CONCURRENT_UPDATE()) for name in ("address", "date_updated"))


def _device(binding: Mapping[str, Any]) -> Device:
    device: Device = {
        "type": binding["binding_type"],
        "address": binding["address"],
        "types": binding["message_types"],
        "at": binding["date_updated"],
    }
    if binding["credential_sid"]:
        device["credential"] = binding["credential_sid"]
    if binding.get("face"):
        device["face"] = binding["face"]
    return device


def _key_of(binding: Mapping[str, Any]) -> Key[HeldAddress]:
    return address_key(binding["service_sid"], binding.get("credential_sid"), binding["address"])


def _key_of_device(service_sid: str, device: Device) -> Key[HeldAddress]:
    return address_key(service_sid, device.get("credential"), device["address"])
