"""What could name a person is hidden before it is stored."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.masking import mask


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("I am jo.doe+news@mail.example.org, help", "jo.doe"),
        ("jo.doe (at) example (dot) org", "jo.doe"),
        ("write jo at gmail dot com", "jo at"),
        ("call me on +1 (212) 555-0142 please", "555"),
        ("ring 020 7946 0958", "7946"),
        ("my card is 4111-1111-1111-1111", "1111"),
        ("card 4111111111111111 exp 12/27", "4111"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "0532"),
        ("account no 00123-456", "123"),
        ("customer AB123456", "123456"),
        ("ssn 078-05-1120", "1120"),
        ("my key sk-proj-Abc123Abc123Abc123", "Abc123"),
        ("token ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIA"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJ"),
        ("my password is hunter2!", "hunter2"),
        ("pin: 1234", "1234"),
        ("id 3fad3d15-d726-430d-9d00-7dd1229c3fc5", "3fad3d15"),
    ],
)
def test_hidden(text: str, secret: str) -> None:
    assert secret not in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "do you sell my data?",
        "since 2024-05-01, and article 13 of the GDPR?",
        "how long: 30 days or 12 months? 256 bit? in 2026",
        "What about internationalization-of-everything?",
        "do you share my e-mail with §4 providers at all",
    ],
)
def test_questions_are_left_as_they_are(text: str) -> None:
    assert mask(text) == text


@given(
    st.text(string.ascii_letters + " ,.", max_size=30),
    st.from_regex(r"[a-z]{2,8}[0-9]?@[a-z]{2,8}\.(com|org)", fullmatch=True),
)
def test_no_address_survives(words: str, address: str) -> None:
    assert address not in mask(f"{words} {address} {words}")


@given(st.text(max_size=80), st.from_regex(r"[0-9]{5,19}", fullmatch=True))
def test_no_long_number_survives(words: str, number: str) -> None:
    assert number not in mask(f"{words} {number} {words}")


@given(st.text(max_size=200))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert mask(mask(text)) == mask(text)
