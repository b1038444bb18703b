"""What a member may see and do.

A membership is an interval of seq: it begins at the member's own `member.add` and ends at his
`member.remove`.  One function, `may_see`, serves dispatch, sync, history, search and receipts.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from causerie.domain.conversation import ConversationType
from causerie.domain.errors import Forbidden
from causerie.domain.ids import UserId
from causerie.domain.times import rfc3339


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


class Right(StrEnum):
    """Something a member may be allowed to do."""

    POST = "post"
    CHANGE_CONVERSATION = "change the conversation"
    MANAGE_MEMBERS = "manage members"
    CHANGE_ROLES = "change roles"


@dataclass(frozen=True, slots=True)
class Member:
    """One user's place in a conversation. `left_at` and `left_seq` are set for a former member."""

    user_id: UserId
    role: Role
    joined_at: datetime
    joined_seq: int
    nickname: str | None = None
    is_muted: bool = False
    muted_until: datetime | None = None
    is_archived: bool = False
    left_at: datetime | None = None
    left_seq: int | None = None

    @property
    def is_present(self) -> bool:
        return self.left_seq is None

    def require(self, right: Right, conversation_type: ConversationType) -> None:
        """Raise `Forbidden` unless this member has the right."""
        both_may = conversation_type is ConversationType.DIRECT and right is Right.CHANGE_CONVERSATION
        allowed = right is Right.POST or both_may or self.role is not Role.MEMBER
        if not allowed or (right is Right.CHANGE_ROLES and self.role is not Role.OWNER):
            who = "the owner" if right is Right.CHANGE_ROLES else "owners and admins"
            raise Forbidden(f"Only {who} may {right}.")

    def as_json(self, *, private: bool = False) -> dict[str, object]:
        """The Member of the contract. Mute is the member's own: others see it as off."""
        return {
            "user_id": self.user_id,
            "role": self.role.value,
            "nickname": self.nickname,
            "is_muted": self.is_muted if private else False,
            "muted_until": rfc3339(self.muted_until) if private and self.muted_until else None,
            "joined_at": rfc3339(self.joined_at),
            "left_at": rfc3339(self.left_at) if self.left_at else None,
        }


def may_see(member: Member, conversation_type: ConversationType, seq: int) -> bool:
    """Whether `seq` lies inside the membership: groups show history from joining, channels and direct ones all."""
    return first_visible_seq(member, conversation_type) <= seq <= (seq if member.left_seq is None else member.left_seq)


def first_visible_seq(member: Member, conversation_type: ConversationType) -> int:
    return member.joined_seq if conversation_type is ConversationType.GROUP else 1
