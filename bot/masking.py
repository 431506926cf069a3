"""Hides what could name a person before a text is stored: addresses, numbers, keys.

Too much is hidden rather than too little: every number of five digits or more goes, but for
dates. Names and postal addresses are not recognised.
"""

import re

import phonenumbers

_EMAIL = re.compile(
    r"[\w.+%-]+\s?(?:@|\(at\)|\[at\]|\{at\})\s?[\w-]+(?:\s?(?:\.|\(dot\)|\[dot\])\s?[\w-]+)+"
    r"|[\w.+%-]+ at [\w-]+ dot (?:com|org|net|edu|gov|io|co|de|fr|es|uk|eu)\b"
    r"|[\w.+%-]+@[\w.-]+",
    re.I,
)
_SECRET = re.compile(
    r"\bey[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"  # a JSON web token
    r"|\b(?:sk|pk|rk|ghp|gho|ghu|ghs|glpat|xox[abposr]|npm|pypi|AKIA|ASIA|AIza|hf|shpat|whsec)[-_]?[\w-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?=[\w+/=.-]*\d)(?=[\w+/=.-]*[A-Za-z])[A-Za-z0-9][\w+/=.-]{15,}"
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b",
    re.I | re.S,
)
_SAID = re.compile(
    r"(?P<what>\b(?:password|passwort|passcode|passphrase|pwd|pin|secret|token|api[ _-]?key|cvv|cvc|otp)\b"
    r"(?:\s+(?:is|was|ist|=)|\s*[:=])\s*)[\"'“]?(?P<value>\S+)",
    re.I,
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b", re.I)
_DATE = re.compile(r"\b(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d{2})\b")
_NUMBER = re.compile(r"(?<!\w)[+(]?\w{0,3}?\d(?:[ \t()./–-]{0,3}\d){4,}\w{0,3}|\w*\d{5,}\w*")
_REGIONS = ("US", "GB", "DE", "FR", "ES", "IN")
"""Where numbers without a country's prefix are taken to be from."""


def mask(text: str) -> str:
    """The text with e-mail addresses, phone, card and account numbers, keys and passwords hidden."""
    text = _EMAIL.sub("[email]", text)
    text = _SAID.sub(lambda match: f"{match['what']}[secret]", text)
    text = _IBAN.sub(lambda match: "[number]" if sum(map(str.isdigit, match[0])) >= 6 else match[0], text)
    text = _SECRET.sub("[secret]", text)
    text = _mask_phones(text)
    return _NUMBER.sub(lambda match: match[0] if _DATE.fullmatch(match[0].strip()) else "[number]", text)


def _mask_phones(text: str) -> str:
    found = {
        (match.start, match.end)
        for region in _REGIONS
        for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.VALID)
    }
    end = len(text)
    for start, stop in sorted(found, reverse=True):
        if stop <= end and not _DATE.fullmatch(text[start:stop]):
            text = f"{text[:start]}[phone]{text[stop:]}"
            end = start
    return text
