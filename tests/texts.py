"""Generated policy texts: all kinds of headings, lists, line ends and odd characters, in any order."""

from hypothesis import strategies as st

_NEWLINES = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"])
_LINES = st.one_of(
    st.sampled_from(
        ["1. Scope", "2. Use", "2.1 More", "## Head", "# 3. Top", "SHARING", "Article 4 – End", "Title\n==="]
    ),
    st.sampled_from(
        ["We share with:", "- friends", "  * family;", "(a) others", "1. one", "2) two", "| a | b |", "> x y."]
    ),
    st.text(st.sampled_from("ab 😀é.!?:;\t-*#1\ufeff(“"), max_size=60),
    st.just("We sell nothing. We keep 4.2 MB, e.g. logs! OK?"),
)


@st.composite
def policy_texts(draw: st.DrawFn) -> str:
    bom = "\ufeff" if draw(st.booleans()) else ""
    lines = draw(st.lists(st.tuples(_LINES, _NEWLINES), max_size=25))
    return bom + "".join(line + newline for line, newline in lines) + draw(_LINES)
