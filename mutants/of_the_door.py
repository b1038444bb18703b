"""Mutants of what keeps strangers out: tokens, cursors, origins, frames, heads, caps, logs."""

from mutants.mutant import Edit, Mutant

_FRAMES = "causerie/protocol/websocket.py"

MUTANTS = (
    Mutant(
        "a token that chooses its algorithm",
        "A key is good for one algorithm.",
        (
            Edit("causerie/tokens.py", "algorithms=[key.algorithm]", 'algorithms=["RS512", "PS256", key.algorithm]'),
            Edit("causerie/tokens.py", '["HS256", "RS256", "ES256", "EdDSA"]', "None"),
            Edit("causerie/tokens.py", "key.algorithm == algorithm and key_id in", "key_id in"),
        ),
        "tests/test_tokens.py::test_a_key_is_good_for_its_own_algorithm_only",
    ),
    Mutant(
        "a token for somebody else",
        "A token is good for its audience alone.",
        (Edit("causerie/tokens.py", "and self._audience not in _audiences(claims)", "and False"),),
        "tests/test_tokens.py::test_audience_and_issuer_count_when_they_are_set",
    ),
    Mutant(
        "a token without an end",
        "A token ends when it says.",
        (
            Edit(
                "causerie/tokens.py",
                'if _moment(claims.get("exp")) + self._leeway_seconds <= now:',
                'if _moment(claims.get("exp")) <= 0:',
            ),
        ),
        "tests/test_tokens.py::test_a_token_may_be_late_by_the_leeway_only",
    ),
    Mutant(
        "a token remembered for good",
        "A token that was good once ends all the same.",
        (Edit("causerie/tokens.py", "if caller.expires_at + self._leeway_seconds > self._now():", "if True:"),),
        "tests/test_tokens.py::test_a_token_that_was_good_is_refused_once_it_has_expired",
    ),
    Mutant(
        "a cursor for everybody",
        "A cursor is its reader's alone.",
        (
            Edit(
                "causerie/store/cursors.py",
                'blake2b(payload + b"|" + scope.encode(), key=key',
                "blake2b(payload, key=key",
            ),
        ),
        "tests/actions/test_sync.py::test_a_cursor_is_its_readers_alone",
    ),
    Mutant(
        "a cursor without a seal",
        "A cursor is taken as it was given, or not at all.",
        (Edit("causerie/store/cursors.py", " or not compare_digest(given, _seal(key, scope, payload))", ""),),
        "tests/actions/test_sync.py::test_garbage_is_no_cursor",
    ),
    Mutant(
        "a stranger told to join",
        "A stranger does not learn that a group exists.",
        (
            Edit(
                "causerie/actions/members.py",
                "        raise NotFound\n    return conversation, None",
                '        raise Forbidden("Join first.")\n    return conversation, None',
            ),
        ),
        "tests/actions/test_strangers.py::test_a_stranger_cannot_tell_a_group_from_one_that_is_not_there",
    ),
    Mutant(
        "a foreign page let in",
        "A page of another origin opens no socket.",
        (
            Edit(
                "services/gateway/admission.py",
                "return self._any_origin or self._is_trusted(origin, host)",
                "return True",
            ),
        ),
        "tests/gateway/test_admission.py::test_a_foreign_page_may_not",
    ),
    Mutant(
        "as many strangers as come",
        "One address cannot take all the places of a gateway.",
        (Edit("services/gateway/pending.py", "if count >= self._most:", "if False:"),),
        "tests/gateway/test_pending.py::test_an_address_has_so_many_places_and_gets_them_back",
    ),
    Mutant(
        "a client that names its address",
        "What a client itself says of its address counts for nothing.",
        (Edit("services/gateway/pending.py", "if client is None or not self._trusts(client) or", "if"),),
        "tests/gateway/test_pending.py::test_a_client_cannot_choose_where_it_comes_from",
    ),
    Mutant(
        "frames without a mask",
        "A frame that breaks RFC 6455 ends the socket: the mask.",
        (Edit(_FRAMES, "if not second & _MASK:", "if False:"),),
        "tests/protocol/test_websocket_frames.py::test_an_unmasked_frame_is_a_protocol_error",
    ),
    Mutant(
        "reserved bits let pass",
        "A frame that breaks RFC 6455 ends the socket: the reserved bits.",
        (Edit(_FRAMES, "if first & _RSV:", "if False:"),),
        "tests/protocol/test_websocket_frames.py::test_reserved_bits_without_an_extension_are_a_protocol_error",
    ),
    Mutant(
        "control frames in pieces",
        "A frame that breaks RFC 6455 ends the socket: control frames are whole.",
        (Edit(_FRAMES, "if not first & _FIN:", "if False:"),),
        "tests/protocol/test_websocket_frames.py::test_a_control_frame_is_short_and_whole",
    ),
    Mutant(
        "any coding will do",
        "What a proxy may read otherwise is refused.",
        (
            Edit(
                "causerie/protocol/http_heads.py",
                'transfer_encoding.strip(" \\t").lower() != "chunked"',
                '"chunked" not in transfer_encoding.lower()',
            ),
        ),
        "tests/protocol/test_http_heads.py::test_a_head_that_a_proxy_may_read_otherwise_is_refused",
    ),
    Mutant(
        "a token in the log",
        "No log says what would let its reader in.",
        (
            Edit(
                "causerie/tokens.py",
                "        caller = self._check(token)\n",
                '        log.debug("checking", extra={"token": token})\n        caller = self._check(token)\n',
            ),
        ),
        "tests/security/test_leaks.py::test_no_bad_input_makes_anything_write_down_a_token_or_a_message",
    ),
)
