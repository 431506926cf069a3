"""The dates that a policy gives for itself."""

import re
from datetime import date

from bot.policy import Span

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DATE = re.compile(
    r"""(?P<iso>\d{4}-\d{2}-\d{2})
      | (?P<month1>[A-Z][a-z]{2,8})\.?\s+(?P<day1>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year1>\d{4})
      | (?P<day2>\d{1,2})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<month2>[A-Z][a-z]{2,8})\.?,?\s+(?P<year2>\d{4})
      | (?P<a>\d{1,2})[./](?P<b>\d{1,2})[./](?P<year3>\d{4})""",
    re.X,
)
_DATE_LABEL = re.compile(
    r"[^\w\d]*(?:(?:this|our|the)\s+[\w\s]{0,40}?)?(?:(?:was|is)\s+)?"
    r"(?:(?P<effective>effective|in force|valid)|"
    r"(?P<updated>(?:last\s+)?(?:updated|modified|revised|changed|amended)|version|date))\b",
    re.I,
)


def read_date(text: str) -> date | None:
    """The first date written in `text`, or None; 03/04/2025 is ambiguous and so no date."""
    match = _DATE.search(text)
    if not match:
        return None
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        if match["year3"]:
            a, b = int(match["a"]), int(match["b"])
            if a <= 12 and b <= 12 and a != b:
                return None
            return date(int(match["year3"]), min(a, b) if max(a, b) > 12 else b, max(a, b))
        which = "1" if match["year1"] else "2"
        month = _MONTHS.index(match["month" + which][:3].lower()) + 1
        return date(int(match["year" + which]), month, int(match["day" + which]))
    except ValueError:
        return None


def find_dates(text: str, lines: list[Span]) -> tuple[date | None, date | None]:
    """The dates that the text gives for its last update and for its coming into force."""
    updated = effective = None
    for line in lines:
        content = line.of(text)
        match = _DATE_LABEL.match(content[:200])
        if not match:
            continue
        found = read_date(content[match.end() : match.end() + 60])
        if match["effective"]:
            effective = effective or found
        else:
            updated = updated or found
    return updated, effective


def is_dated(content: str) -> bool:
    return bool(_DATE_LABEL.match(content)) and read_date(content) is not None
