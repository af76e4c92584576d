"""The accounts of an OPC UA server: a YAML file with hashed passwords or users' certificates, read anew on change.

    observer: {role: observer, scrypt: "14$<salt>$<hash>"}     # `jidoka certs user`, which asks for the password
    anna:     {role: engineer, certificate: <SHA-256 of her certificate>}

A plain `password:` is understood as well: for machine accounts whose random password lies in a secret beside it.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from services.chassis.errors import Invalid

_COST = 14  # 2**14 rounds of 1 KiB: 16 MiB and some 40 ms for each guess
_MOST_REFUTED = 256
_SALT, _SHORTEST_SALT, _HASH = 16, 8, 32
_FIX = "a YAML mapping {name: {role: ..., scrypt: ... | password: ... | certificate: ...}}, see `jidoka certs user`"
log = logging.getLogger("jidoka.opcua")


@dataclass(frozen=True)
class Account:
    """One account; of the three ways to prove who one is at least one is there."""

    name: str
    role: str
    scrypt: str = ""
    password: str = ""
    certificate: str = ""


_NOBODY = Account("", "", f"{_COST}${base64.b64encode(bytes(_SALT)).decode()}$of nobody")
"""Whose password is compared when the name is unknown: it takes as long."""


def hashed(password: str, salt: bytes = b"", cost: int = _COST) -> str:
    """`cost$salt$hash` of a password, scrypt with 2**cost rounds (RFC 7914), base64."""
    salt = salt or os.urandom(_SALT)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=1 << cost, r=8, p=1, maxmem=2048 << cost, dklen=_HASH)
    return f"{cost}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 in hex: whom `certificate:` means."""
    return certificate.fingerprint(hashes.SHA256()).hex().upper()


class Accounts:
    """The users file. A change that cannot be used is said, and the accounts before it stay in force."""

    def __init__(self, path: Path, roles: Collection[str]) -> None:
        """Raises Invalid."""
        self._path, self._roles = path, frozenset(roles)
        self._seen = self._state()
        self._found = _read(path, self._roles)
        self._key = os.urandom(32)
        self._proven: dict[str, bytes] = {}
        self._refuted: dict[str, bytes] = {}
        self._one_at_a_time = asyncio.Lock()

    def role_of(self, user: str) -> str:
        """The role of an account; empty when there is no such account any more."""
        self._refresh()
        account = self._found.get(user)
        return account.role if account else ""

    async def compare(self, user: str, password: str) -> None:
        """Do the hashing for the `with_password` that follows, in a thread and for one guess at a time.

        Its 40 ms must not stand in the way of a PLC's heartbeat (B21). Takes as long for a name that does not exist.
        """
        async with self._one_at_a_time:
            self._refresh()
            known = self._found.get(user)
            if await asyncio.to_thread(self._matches, known or _NOBODY, password):
                return
            if len(self._refuted) >= _MOST_REFUTED:  # of those who went away before they were answered
                self._refuted.clear()
            self._refuted[user] = self._print(known or _NOBODY, password)

    def with_password(self, user: str, password: str) -> Account | None:
        """The account, if the password is right; hashes where `compare` has not."""
        self._refresh()
        account = self._found.get(user)
        refuted = self._refuted.pop(user, b"")
        if hmac.compare_digest(refuted, self._print(account or _NOBODY, password)):
            return None
        return account if self._matches(account or _NOBODY, password) else None

    def _print(self, account: Account, password: str) -> bytes:
        return hmac.digest(self._key, f"{account.scrypt}\0{password}".encode(), "sha256")

    def with_certificate(self, certificate: x509.Certificate) -> Account | None:
        """The account that names this user certificate; the signature was verified before."""
        self._refresh()
        mark = fingerprint(certificate)
        return next((one for one in self._found.values() if one.certificate == mark), None)

    def _matches(self, account: Account, password: str) -> bool:
        if account.password:
            return hmac.compare_digest(account.password.encode(), password.encode())
        if not account.scrypt:
            return False
        # A password that was right is recognised without scrypt: a log-in stops every client's values for its 40 ms.
        print_ = self._print(account, password)
        if hmac.compare_digest(self._proven.get(account.name, b""), print_):
            return True
        cost, salt, _ = account.scrypt.split("$")
        if not hmac.compare_digest(hashed(password, base64.b64decode(salt), int(cost)), account.scrypt):
            return False
        self._proven[account.name] = print_
        return True

    def _refresh(self) -> None:
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            self._found = _read(self._path, self._roles)
            log.warning("the accounts in %s were read again: %d", self._path, len(self._found))
        except Invalid as error:
            log.error("the accounts stay as they were: %s", error)

    def _state(self) -> tuple[int, int]:
        try:
            facts = self._path.stat()
        except OSError:
            return 0, 0
        return facts.st_mtime_ns, facts.st_size


def _read(path: Path, roles: Collection[str]) -> dict[str, Account]:
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = {str(name): _account(str(name), one) for name, one in given.items()}
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise Invalid(f"cannot use {path}: {type(error).__name__}", field="users_file", fix=_FIX) from error
    for name, account in found.items():
        if account.role not in roles or not (account.scrypt or account.password or account.certificate):
            fix = f"one of {', '.join(sorted(roles))}, and a password that is not empty or a certificate"
            raise Invalid(f"user {name} in {path} has no known role or no password", field="users_file", fix=fix)
    return found


def _account(name: str, given: dict[str, Any]) -> Account:
    account = Account(
        name,
        str(given["role"]),
        str(given.get("scrypt", "")),
        str(given.get("password", "")),
        str(given.get("certificate", "")).replace(":", "").upper(),
    )
    if account.scrypt:
        cost, salt, digest = account.scrypt.split("$")
        if not 10 <= int(cost) <= 20 or len(base64.b64decode(salt)) < _SHORTEST_SALT or not digest:  # noqa: PLR2004
            raise ValueError
    return account
