"""The training data, and what it has taught the models."""

import json
import math
import random
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer

from bot.cross_encoder import CROSS_ADAPTER, load_clause_scorer
from bot.models import ADAPTER, bundled_model, load_embedding_model
from bot.settings import BUNDLED_MODEL, TUNED_MODEL
from evals.training.batches import Text, draw_batches
from evals.training.data import (
    Question,
    TrainingDataError,
    TrainingPolicy,
    read_policies,
    read_training_policies,
    read_twins,
    read_whole_policies,
)
from evals.training.examples import draw_pairs, in_company, shown, with_variant
from evals.training.taxonomy import read_intents, read_taxonomy
from evals.training.trainer import MasterAdamW, answer_loss, read_in_parts
from evals.training.validate import find_leaks, find_problems


@pytest.fixture(scope="module")
def taxonomy() -> TrainingPolicy:
    return read_taxonomy()


@pytest.fixture(scope="module")
def policies() -> list[TrainingPolicy]:
    return [*read_training_policies(), *read_whole_policies()]


def test_data_is_sound(taxonomy: TrainingPolicy, policies: list[TrainingPolicy]) -> None:
    assert list(find_problems(taxonomy, policies)) == []
    assert len(policies) >= 60


def test_data_shares_nothing_with_what_the_bot_is_measured_on(
    taxonomy: TrainingPolicy, policies: list[TrainingPolicy]
) -> None:
    assert list(find_leaks([taxonomy, *policies], None)) == []


def test_leak_is_found() -> None:
    leaked = TrainingPolicy("Leaky", ["We do not use private Customer Content to train foundation models unless you explicitly opt in or a separate written agreement says otherwise."])  # fmt: skip
    assert len(list(find_leaks([leaked], None))) == 1


def test_leak_is_found_in_a_follow_up_as_the_bot_reads_it() -> None:
    leaked = TrainingPolicy("Leaky", questions=[Question("do you use cookies? can I turn them off?", ())])
    assert list(find_leaks([leaked], None))


@pytest.mark.parametrize(
    "text", ["? question before any clause", "@ Acme\n? no clause yet", "@ Acme\n% odd", "@ Acme\n="]
)
def test_line_that_means_nothing_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TrainingDataError, match=r"odd\.txt, line \d"):
        list(read_policies(path))


def test_each_question_of_a_twin_is_answered_once_and_silent_once(tmp_path: Path) -> None:
    path = tmp_path / "twins.txt"
    path.write_text(
        "@ Acme\n= We sell it.\n? do you sell it\n~ We sell shoes.\n= We log it.\n? logs?\n~ Logs of oak.\n"
    )
    first, second = read_twins(path)
    assert [clause for twin in (first, second) for clause in twin.clauses] == [
        "We sell it.", "Logs of oak.", "We sell shoes.", "We log it.",
    ]  # fmt: skip
    assert {q.text: q.answers for q in first.questions} == {"do you sell it": (0,), "logs?": ()}
    assert {q.text: q.answers for q in second.questions} == {"do you sell it": (), "logs?": (1,)}


def test_whole_policy_has_a_clause_for_each_sentence_and_knows_which_may_answer(tmp_path: Path) -> None:
    (tmp_path / "acme.txt").write_text("Acme\n\nLogs. We keep logs. They go after a week. We like cats.\n")
    answered = {"question": "logs?", "outcome": "answered", "quotes": ["We keep logs."]}
    silent = {"question": "who reads them?", "outcome": "not_in_policy", "quotes": []}
    both = (
        {**question, "history": history, "maybe": ["They go after a week."]}
        for question, history in ((answered, []), (silent, ["logs?"]))
    )
    (tmp_path / "acme.jsonl").write_text("\n".join(map(json.dumps, both)))
    (policy,) = read_whole_policies(tmp_path)
    asked, open_question = policy.questions
    assert open_question.text == "logs? who reads them?"
    answering, doubtful = ({policy.clauses[n].split("\n")[-1] for n in of} for of in (asked.answers, asked.doubtful))
    assert (answering, doubtful) == ({"We keep logs."}, {"They go after a week."})
    assert (open_question.answers, open_question.doubtful) == ((), frozenset())
    assert [policy.clauses[n].split("\n")[-1] for n in open_question.misleading] == ["They go after a week."]
    assert any(clause.endswith("We like cats.") for clause in policy.clauses)


@given(st.integers(0, 9), st.sets(st.integers(0, 9)), st.randoms(use_true_random=False))
def test_company_of_a_clause_is_near_and_never_barred(clause: int, barred: set[int], rng: random.Random) -> None:
    policy = TrainingPolicy("Acme", [f"Title\nWe hold {n}." for n in range(10)])
    together = in_company(policy, clause, barred, rng)
    assert clause in together
    assert list(together) == sorted(set(together))
    assert not barred & set(together) - {clause}
    assert max(abs(n - clause) for n in together) <= 3
    told = " ".join(f"We hold {n}." for n in together)
    assert shown(policy, together, rng) in (f"Title\n{told}", told)


def test_clause_is_mostly_alone_and_at_times_in_company() -> None:
    policy = TrainingPolicy("Acme", [f"Title\nWe hold {n}." for n in range(10)])
    rng = random.Random(1)
    sizes = [len(in_company(policy, 5, (), rng)) for _ in range(400)]
    assert set(sizes) == {1, 2, 3, 4}
    assert 200 < sizes.count(1) < 320


def test_item_of_a_list_is_shown_alone() -> None:
    policy = TrainingPolicy("Acme", ["Title\nWe hold:\nyour name", "Title\nWe hold:\nyour age", "Title\nWe hold it."])
    rng = random.Random(1)
    assert {in_company(policy, 0, (), rng) for _ in range(30)} == {(0,)}
    assert {in_company(policy, 2, (), rng) for _ in range(30)} == {(2,)}


def test_variant_stands_in_the_company_of_the_clause_that_it_replaces() -> None:
    policy = TrainingPolicy("Acme", [f"Title\nWe hold {n}." for n in range(10)], variants={4: "Title\nWe bake."})
    rng = random.Random(1)
    twin = with_variant(policy, 4)
    texts = {shown(twin, in_company(twin, 4, (), rng), rng) for _ in range(200)}
    assert all("We bake." in text and "We hold 4." not in text for text in texts)
    assert any("We hold 3. We bake." in text for text in texts)
    assert policy.clauses[4] == "Title\nWe hold 4."


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (Text(0, "The clause.", clauses=frozenset({3})), True),
        (Text(0, "Another, and the clause.", clauses=frozenset({2, 3})), True),
        (Text(0, "Another.", clauses=frozenset({2})), False),
        (Text(0, "What may answer.", clauses=frozenset({5})), None),
        (Text(1, "Another policy's.", clauses=frozenset({3})), None),
        (Text(0, "What stands for the clause.", variant_of=3), False),
        (Text(0, "What stands for another.", variant_of=2), None),
        (Text(0, "A question.", Question("A question.", (3,))), None),
    ],
)
def test_text_of_a_batch_knows_what_it_answers(text: Text, known: bool | None) -> None:
    assert text.answers(Text(0, "asked", Question("asked", (3,), frozenset({5})))) is known


@settings(max_examples=20)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 150), st.integers(0, 300)), min_size=1, max_size=4),
    rng=st.integers(0).map(random.Random),  # it is asked so often that Hypothesis cannot draw each answer
)
def test_each_question_stands_once_in_a_pass_beside_what_answers_it(
    sizes: list[tuple[int, int]], rng: random.Random
) -> None:
    policies = [
        TrainingPolicy(
            f"{n}",
            [f"Title\nClause {clause}." for clause in range(clauses)],
            [Question(f"{n}: {number}?", (number % clauses,) if number % 3 else ()) for number in range(questions)],
        )
        for n, (clauses, questions) in enumerate(sizes)
    ]
    batches = draw_batches(policies, rng)
    asked = [text.question.text for batch in batches for text in batch if text.question]
    assert sorted(asked) == sorted(question.text for policy in policies for question in policy.questions)
    for batch in batches:
        for text in batch:
            if text.question:
                assert any(other.answers(text) for other in batch) == bool(text.question.answers)


def test_texts_are_read_in_parts_as_they_are_read_alone() -> None:
    model = SentenceTransformer(str(bundled_model()), device="cpu").eval()
    texts = ["We keep it. " * n for n in (1, 30, 2, 9, 80, 3, 3)] + ["who gets my data"] * 150
    with torch.inference_mode():
        together = read_in_parts(model, model.preprocess(texts), "sentence_embedding", 1024).numpy()
    assert together == pytest.approx(model.encode(texts), abs=1e-5)


@given(
    answers=st.sets(st.integers(0, 19), max_size=3),
    others=st.sets(st.integers(0, 19), max_size=4),
    twin=st.booleans(),
    clauses=st.integers(3, 6),
    rng=st.integers(0).map(random.Random),
)
def test_question_is_read_with_what_answers_it_and_what_does_not(
    answers: set[int], others: set[int], twin: bool, clauses: int, rng: random.Random
) -> None:
    others -= answers
    variants = dict.fromkeys(answers, "Title\nWe bake.") if twin else {}
    policy = TrainingPolicy("Acme", [f"Title\nWe hold <{n}>." for n in range(20)], variants=variants)
    if answers:
        question = Question("what?", tuple(answers), doubtful=frozenset(others))
    else:
        question = Question("what?", (), misleading=tuple(others))
    wrong = [n for n in range(20) if n not in answers | question.doubtful]
    pairs = list(draw_pairs(policy, question, wrong, clauses, rng))
    right = [text for text, label in pairs if label]
    false = [text for text, label in pairs if not label]
    assert len(pairs) == clauses
    assert len(right) == (1 if answers else 0)
    assert all(any(f"<{n}>" in text for n in answers) for text in right)
    assert not any(f"<{n}>" in text for text in false for n in answers | question.doubtful)
    assert any("We bake." in text for text in false) == bool(twin and answers)
    assert sum(any(f"<{n}>" in text for text in false) for n in question.misleading) >= min(2, len(question.misleading))


def test_loss_is_that_of_one_choice_among_clauses_and_silence() -> None:
    logits = torch.tensor([[2.0, 1.0, -1.0], [0.5, -0.5, 9.0]])
    right = torch.tensor([[True, False, False], [False, False, False]])
    wrong = torch.tensor([[False, True, True], [True, True, False]])  # of the last nothing is known
    others = math.e + math.exp(-1) + 1
    answered = -math.log(math.exp(2) / (math.exp(2) + others))
    silent = math.log(math.exp(0.5) + math.exp(-0.5) + 1)
    both = answer_loss(logits + 3, right, wrong, silence=3.0, silent=0.5, without=0.25)
    assert float(both) == pytest.approx((answered + 0.25 * math.log(others) + 0.5 * silent) / 2)


def test_weights_in_half_precision_learn_from_steps_too_small_for_them() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = MasterAdamW([weight], lr=1e-4, weight_decay=0.0)
    weight.data = weight.data.bfloat16()  # between 0.99 and 1 it knows but two numbers
    for _ in range(100):
        weight.sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert weight.dtype == torch.bfloat16
    assert weight.tolist() == pytest.approx([0.99] * 3, abs=0.004)
    weight.data = weight.data.float()
    optimizer.restore()
    assert weight.tolist() == pytest.approx([0.99] * 3, abs=1e-5)


TAXONOMY = """\
@ cookies.use
? cookies?
= cookies.use | Cookies | We use cookies.
= cookies.use/login | We use one cookie, to keep you signed in.
= - | Bakery | We bake cookies.
@ cookies.use/login
? do you use cookies > and for signing in?
"""


def test_narrow_intent_answers_the_broad_one_and_not_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "intents.txt").write_text("% cookies\ncookies.use : are cookies used\n")
    (tmp_path / "cookies.txt").write_text(TAXONOMY)
    broad, narrow = read_taxonomy(tmp_path).questions
    assert (broad.text, broad.answers) == ("cookies?", (0, 1))
    assert (narrow.text, narrow.answers, narrow.doubtful) == ("do you use cookies and for signing in?", (1,), {0})


def test_who_asks_how_to_delete_is_not_taught_that_a_right_to_it_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "intents.txt").write_text("keep.delete_how : how\nrights.delete : right\nrights.how : exercise\n")
    (tmp_path / "keep.txt").write_text(
        "@ keep.delete_how\n? how do i delete it\n= keep.delete_how | Press Delete.\n"
        "= rights.delete | You may have it erased.\n= rights.how | Write to us.\n= - | We bake.\n"
    )
    (asked,) = read_taxonomy(tmp_path).questions
    assert (asked.answers, asked.doubtful) == ((0,), {1, 2})


def test_a_clause_that_readers_excepted_does_not_answer_that_question(tmp_path: Path) -> None:
    (tmp_path / "intents.txt").write_text("keep.long : how long\n")
    (tmp_path / "keep.txt").write_text(
        "@ keep.long\n? for how long?\n? how long are shop films kept?\n"
        "= keep.long | Doorbell clips stay for 30 days.\n= keep.long | Shop films stay for 72 hours.\n"
        "= keep.long | Some films stay longer.\n"
    )
    (tmp_path / "exceptions.tsv").write_text(
        "no\thow long are shop films kept?\tDoorbell clips\ndoubtful\thow long are shop films kept?\tSome films\n"
    )
    broad, narrow = read_taxonomy(tmp_path).questions
    assert (broad.answers, broad.doubtful) == ((0, 1, 2), frozenset())
    assert (narrow.answers, narrow.doubtful) == ((1,), {2})


@pytest.mark.parametrize(
    "line", ["no\tfor how long?\tWe bake", "no\tsince when?\tFor 30", "yes\tfor how long?\tFor 30", "no\tfor how long?"]
)
def test_exception_that_excepts_nothing_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "intents.txt").write_text("keep.long : how long\n")
    (tmp_path / "keep.txt").write_text("@ keep.long\n? for how long?\n= keep.long | For 30 days.\n= - | We bake.\n")
    (tmp_path / "exceptions.tsv").write_text(line)
    with pytest.raises(TrainingDataError, match=r"exceptions\.tsv, line 1"):
        read_taxonomy(tmp_path)


def test_a_question_of_two_intents_is_found(tmp_path: Path) -> None:
    (tmp_path / "intents.txt").write_text("keep.long : how long\nkeep.why : why\n")
    (tmp_path / "keep.txt").write_text(
        "@ keep.long\n? kept?\n@ keep.why\n? kept?\n= keep.long, keep.why | For 30 days.\n"
    )
    assert "taxonomy: 'kept?' is asked twice." in list(find_problems(read_taxonomy(tmp_path), []))


@pytest.mark.parametrize("line", ["? before any intent", "= no.such | We bake.", "@ no.such", "% odd"])
def test_line_of_the_taxonomy_that_means_nothing_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "intents.txt").write_text("cookies.use : are cookies used\n")
    (tmp_path / "odd.txt").write_text(line)
    with pytest.raises(TrainingDataError, match=r"odd\.txt, line 1"):
        read_taxonomy(tmp_path)


def test_every_intent_is_asked_and_answered_in_many_ways(taxonomy: TrainingPolicy) -> None:
    assert len(read_intents()) > 150
    assert len(taxonomy.questions) > 10_000
    assert min(len(question.answers) for question in taxonomy.questions) >= 1


def test_tuned_model_is_another_than_the_untuned_and_both_can_be_chosen() -> None:
    tuned, untuned = load_embedding_model(TUNED_MODEL), load_embedding_model(BUNDLED_MODEL)
    assert tuned.fingerprint != untuned.fingerprint
    assert tuned.embed_query("who gets my data?") != pytest.approx(untuned.embed_query("who gets my data?"))


def test_adapters_are_small() -> None:
    files = [path for folder in (ADAPTER, CROSS_ADAPTER) for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 15_000_000


@pytest.mark.parametrize(
    ("question", "right", "near"),
    [
        ("would you tell the cops where i live", "We answer court orders.", "Tell us your new address when you move."),
        ("can I get rid of the newsletter", "Each mail has a link to unsubscribe.", "We send a newsletter each month."),
        ("what happens to my pics when i quit", "We delete your photos 30 days after you leave.", "We store photos."),
    ],
)
def test_cross_encoder_tells_what_answers_from_what_is_near(question: str, right: str, near: str) -> None:
    answers, misses = load_clause_scorer().score(question, [right, near])
    assert answers > misses
