"""What is asked."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from bot.conversation import condense, split_question


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("do you keep my files, and who can open them?", ("do you keep my files", "who can open them?")),
        ("Where is it stored? How long do you keep it?", ("Where is it stored", "How long do you keep it?")),
        ("what do you take and for how long do you keep it", ("what do you take", "for how long do you keep it")),
        ("who sees it, why do they, and where are they", ("who sees it", "why do they", "where are they")),
    ],
)
def test_questions_in_one_breath_are_taken_apart(question: str, parts: tuple[str, ...]) -> None:
    assert split_question(question) == parts


@pytest.mark.parametrize(
    "question",
    [
        "do you share names and addresses?",
        "My daughter is nine. Can she use it?",
        "I lost my phone, and now I wonder, do you know where it is?",
        "is it encrypted and why?",
        "",
        "what? why? where? when? how? who?",
    ],
)
def test_one_question_stays_whole(question: str) -> None:
    assert split_question(question) == (question,)


def test_question_that_stands_alone_ignores_the_history() -> None:
    assert condense("who gets to see my invoices?", [HumanMessage("do you use cookies?")]).startswith("who gets")


def test_follow_up_takes_the_question_before_it_and_no_answer() -> None:
    history = [HumanMessage("do you use cookies?"), AIMessage("The policy says this in section 5.")]
    assert condense("can I turn them off?", history) == "do you use cookies? can I turn them off?"


@pytest.mark.parametrize("said", ["ok thanks", "Great, thank you!", "got it", "cool, bye"])
def test_thanks_are_no_follow_up(said: str) -> None:
    assert condense(said, [HumanMessage("do you use cookies?")]) == said


def test_short_question_that_is_whole_stands_alone() -> None:
    history = [HumanMessage("how do I contact you?")]
    assert condense("do you use cookies?", history) == "do you use cookies?"
    assert condense("why?", history) == "how do I contact you? why?"


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("do you sell it? https://acme.example/privacy#4", "do you sell it?"),
        ("do you sell it? ![x](http://evil.example/p.png)", "do you sell it?"),
        ("on [your page](https://acme.example/privacy) it says you sell it", "on [your page]( ) it says you sell it"),
        ("I am jo.b+2@mail.acme.example, do you sell it?", "I am  , do you sell it?"),
        ("http://acme.example", "http://acme.example"),
    ],
)
def test_addresses_are_no_words_of_a_question(question: str, asked: str) -> None:
    assert condense(question, []) == asked


def test_addresses_in_an_earlier_question_are_left_out_too() -> None:
    said = [HumanMessage("do you sell my photos? https://acme.example/photos")]
    assert condense("and who buys them?", said) == "do you sell my photos? and who buys them?"
