"""Approvals in SQL: asked once, decided once, for one exact tool call."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from agents.errors import InvalidTask, NotFound
from services.records import Approval
from services.store.tables import ApprovalRow
from services.store.transaction import Transaction


async def listing(connection: Transaction, status: str | None) -> list[Approval]:
    """Approvals, newest first."""
    query = select(ApprovalRow).order_by(ApprovalRow.created_at.desc()).limit(500)
    if status:
        query = query.where(ApprovalRow.status == status)
    return [_approval(row) for row in await connection.execute(query)]


async def decide(
    connection: Transaction, approval_id: str, *, approved: bool, digest: str, owner: str | None, now: datetime
) -> Approval:
    """Write a human's decision down.

    Raises:
        NotFound: there is no such approval.
        InvalidTask: it was decided otherwise, has expired, or the digest is that of another call.
    """
    row = (await connection.execute(select(ApprovalRow).where(ApprovalRow.id == approval_id))).one_or_none()
    if row is None:
        raise NotFound(f"there is no approval '{approval_id}'", param="id", code="approval_not_found")
    approval = _approval(row)
    wanted = "approved" if approved else "rejected"
    if digest != approval.digest:
        raise InvalidTask(f"the digest is not that of this call: {approval.digest}", param="digest", code="other_call")
    if approval.status == wanted:
        return approval
    if approval.status != "pending" or approval.expires_at <= now:
        status = approval.status if approval.status != "pending" else "expired"
        raise InvalidTask(f"approval '{approval_id}' is {status} already", param="decision", code="decided")
    decided = await connection.execute(
        update(ApprovalRow)
        .where(ApprovalRow.id == approval_id, ApprovalRow.status == "pending")
        .values(status=wanted, decided_by=owner, decided_at=now)
    )
    if decided.rowcount != 1:
        raise InvalidTask(f"approval '{approval_id}' was decided by somebody else", param="decision", code="decided")
    return approval.model_copy(update={"status": wanted, "decided_at": now})


def _approval(row: Any) -> Approval:
    return Approval.model_validate({name: getattr(row, name) for name in Approval.model_fields})
