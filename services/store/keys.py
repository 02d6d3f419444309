"""API keys: 256 random bits shown once, of which only the hash is kept."""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from agents.errors import InvalidTask
from agents.records import Record
from router.rules import Then
from services.store.rows import insert_row
from services.store.runs import new_id
from services.store.tables import KeyRow
from services.store.transaction import Transaction

PREFIX_LENGTH = 12
"""Characters at a key's head by which it is found, and by which people tell keys apart."""


SHORTEST = 24
"""Characters of a key that somebody made himself: its head is stored as it is."""


class Key(Record):
    """What may be shown of an API key."""

    id: str
    name: str
    prefix: str
    overrides: Then | None = None
    """What its requests are planned by where they say nothing else; limits hold in any case."""
    created_at: datetime
    revoked_at: datetime | None = None


async def create(
    connection: Transaction, name: str, now: datetime, *, secret: str | None = None, overrides: Then | None = None
) -> tuple[Key, str]:
    """Make a key, or take the one that is given; gives its record and, this once, the key itself."""
    if secret is not None and len(secret) < SHORTEST:
        raise InvalidTask(f"an API key has at least {SHORTEST} characters; this one has {len(secret)}")
    secret = secret or f"pm-{secrets.token_urlsafe(32)}"
    query = select(KeyRow.revoked_at).where(KeyRow.prefix == secret[:PREFIX_LENGTH])
    if (await connection.execute(query)).first() is not None:
        message = f"a key that begins with {secret[:PREFIX_LENGTH]} is there already, or was revoked: choose another"
        raise InvalidTask(message)
    key = Key(id=new_id(), name=name, prefix=secret[:PREFIX_LENGTH], overrides=overrides, created_at=now)
    stored = key.model_dump() | {"overrides": overrides.model_dump_json() if overrides else None}
    await insert_row(connection, KeyRow, **stored, digest=_digest(secret))
    return key, secret


async def known(connection: Transaction, secret: str) -> Key | None:
    """The key that this is, if it is one and was not revoked."""
    query = select(KeyRow).where(KeyRow.prefix == secret[:PREFIX_LENGTH], KeyRow.revoked_at.is_(None))
    row = (await connection.execute(query)).one_or_none()
    if row is None or not hmac.compare_digest(row.digest, _digest(secret)):
        return None
    return _key(row)


async def of_owner(connection: Transaction, key_id: str) -> Key | None:
    """The key of this id."""
    row = (await connection.execute(select(KeyRow).where(KeyRow.id == key_id))).one_or_none()
    return _key(row) if row else None


async def listing(connection: Transaction) -> list[Key]:
    """All keys, revoked ones too."""
    rows = await connection.execute(select(KeyRow).order_by(KeyRow.created_at))
    return [_key(row) for row in rows]


async def any_valid(connection: Transaction) -> bool:
    """Whether there is a key that opens the door."""
    return (await connection.execute(select(func.count()).where(KeyRow.revoked_at.is_(None)))).scalar_one() > 0


async def revoke(connection: Transaction, key_id: str, now: datetime) -> bool:
    """Close the door to a key, by id or prefix; False if there is none such that is valid."""
    result = await connection.execute(
        update(KeyRow)
        .where((KeyRow.id == key_id) | (KeyRow.prefix == key_id), KeyRow.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return result.rowcount > 0


def _key(row: Any) -> Key:
    values = {name: getattr(row, name) for name in Key.model_fields}
    overrides = Then.model_validate_json(row.overrides) if row.overrides else None
    return Key.model_validate(values | {"overrides": overrides})


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
