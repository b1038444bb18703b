"""What a stranger's JSON may look like."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.domain.errors import InvalidJson
from causerie.protocol import strict_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(JSON)
def test_every_json_value_comes_through(value):
    assert strict_json.loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":1} x',
        b"{}{}",
        b'{"a":1,"a":1}',
        b'[{"deep":{"a":1,"b":2,"a":3}}]',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b"-Infinity",
        b"nan",
        b"\xef\xbb\xbf{}",
        "\ufeff{}",
        b'"\xff"',
        b'"\xc0\xaf"',
        b'"\xed\xa0\x80"',
        b'"line\nbreak"',
        b"01",
        b"+1",
        b".5",
        b"0x10",
        b"True",
        b"\x00",
        b"[1] \x00",
        "{}".encode("utf-16"),
        b"[" * 30_000,
        b"[" * 30_000 + b"]" * 30_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"[" * 200 + b"]" * 200,
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_readers_could_disagree_on_is_refused(data):
    with pytest.raises(InvalidJson):
        strict_json.loads(data)


def test_nesting_is_counted_not_brackets():
    broad = b"[" + b",".join([b"[]"] * 5_000) + b"]"
    deepest = b"[" * strict_json.MAX_DEPTH + b"]" * strict_json.MAX_DEPTH

    assert len(strict_json.loads(broad)) == 5_000
    assert strict_json.loads(deepest)
    assert strict_json.loads(b'"' + b"[" * 1_000 + b'"') == "[" * 1_000
    with pytest.raises(InvalidJson):
        strict_json.loads(b"[" + deepest + b"]")


@pytest.mark.parametrize("number", [b"1e400", b"9" * 5_000, b"-" + b"9" * 60_000])
def test_a_number_beyond_a_double_is_infinite_so_that_a_range_check_meets_it(number):
    assert abs(strict_json.loads(number)) == float("inf")


def test_an_escaped_lone_surrogate_passes_for_the_rules_of_text_to_name_its_field():
    assert strict_json.loads(rb'{"content":"\ud800"}') == {"content": "\ud800"}


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "a:", "c"]), st.none() | st.integers() | st.text(':,"ab\\é')), max_size=5
    )
)
def test_a_key_named_twice_is_refused_whatever_the_texts_around_it_look_like(pairs):
    inside = ", ".join(f"{json.dumps(key)} :{json.dumps(value, ensure_ascii=False)}" for key, value in pairs)
    body = f"{{{inside}}}"

    if len(dict(pairs)) < len(pairs):
        with pytest.raises(InvalidJson):
            strict_json.loads(body)
    else:
        assert strict_json.loads(body) == dict(pairs)


def test_an_integer_of_any_length_stays_one():
    assert strict_json.loads('{"seq":100000000000000000000000000}') == {"seq": 10**26}
