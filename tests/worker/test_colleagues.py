"""Who should try for which shard."""

from causerie.domain.shards import SHARDS, preferred_owner
from services.worker.colleagues import PATIENCE_SECONDS, SILENCE_SECONDS, TRIAL_SECONDS, Colleagues

FREE: dict[int, str | None] = dict.fromkeys(range(SHARDS))


def mine(*everybody: str) -> list[int]:
    return [shard for shard in range(SHARDS) if preferred_owner(shard, everybody) == "me"]


def test_alone_everything_free_is_taken() -> None:
    assert Colleagues("me").to_claim(FREE, now=0.0) == list(range(SHARDS))


def test_with_a_colleague_only_what_prefers_us_is_taken_and_later_what_he_leaves() -> None:
    colleagues = Colleagues("me")
    colleagues.heard("other", now=0.0)

    assert colleagues.to_claim(FREE, now=0.0) == mine("me", "other")
    assert colleagues.to_claim(FREE, now=PATIENCE_SECONDS + 0.1) == list(range(SHARDS))


def test_an_owner_that_was_never_heard_counts_as_a_colleague() -> None:
    owned_by_other = FREE | {0: "other"}

    assert Colleagues("me").to_claim(owned_by_other, now=0.0) == [shard for shard in mine("me", "other") if shard != 0]


def test_a_newcomer_gets_his_share_once_he_has_stayed_for_a_while() -> None:
    colleagues = Colleagues("me")
    colleagues.heard("other", now=0.0)
    colleagues.heard("other", now=1.0)

    assert colleagues.to_hand_over(range(SHARDS), now=1.0) == []
    assert colleagues.to_hand_over(range(SHARDS), now=TRIAL_SECONDS + 0.1) == [
        shard for shard in range(SHARDS) if shard not in mine("me", "other")
    ]


def test_who_is_silent_or_has_left_gets_nothing() -> None:
    colleagues = Colleagues("me")
    for worker in ("silent", "leaving"):
        colleagues.heard(worker, now=0.0)
    colleagues.left("leaving")
    colleagues.expire(now=SILENCE_SECONDS + 0.1)

    assert colleagues.to_hand_over(range(SHARDS), now=SILENCE_SECONDS + 0.1) == []
