"""Fits the judge on questions to policies that the models have not seen.

Each policy is left out once, and judged by weights fitted on the others; thresholds and figures come from
those judgements, so the figures are somewhat too good. The weights that are stored are fitted on all of them.
What is about privacy shows in the question alone, so that is learnt from the training questions as well.
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from bot.answer import Outcome
from bot.calibration import CALIBRATION as STORED
from bot.calibration import ON_TOPIC, load_fit, load_on_topic
from bot.chain import PASSAGES, PolicyBot
from bot.chunking import in_context
from bot.conversation import condense
from bot.cross_encoder import load_clause_scorer
from bot.judge import answerable_features
from bot.models import load_embedding_model
from bot.policy import Span
from bot.retrieval import READ, PolicyRetriever, Search, passage_features, relevance_features
from bot.settings import TUNED_MODEL, load_settings
from evals.labelled import CALIBRATION, LabelledPolicy, read_labelled_policies
from evals.training.data import read_questions, read_whole_policies
from evals.training.taxonomy import read_taxonomy
from evals.training.trainer import SEED

Array = np.ndarray[Any, np.dtype[Any]]
_KEPT = 0.991
"""Share of the answered questions that are to be answered."""
_SURE = 0.9
"""Share of them that are to be answered without reserve."""
_KEPT_ON_TOPIC = 0.97
"""Share of the questions on privacy that are to count as such: those here are harder than most."""
_OF_TAXONOMY, _OF_WHOLE = 11, 13
"""Every so manyth question of the taxonomy, and to whole policies, is one on privacy: the rarest subjects, and what
a company's own words for it are."""
_FOLDS = 5
"""Shares that the questions on privacy and on other things are left out in."""
_COMPONENTS, _PENALTY, _GAMMA = 160, 4.0, 2.5
"""Of the machine that tells off-topic questions."""
_AS_ITS_BEST_CLAUSE = {"weights": [1.0, 0.0], "bias": 0.0, "threshold": 0.5, "sure": 0.5}
"""How a passage is scored until that is fitted."""


class _Row(NamedTuple):
    """What is found for a question, whether the policy answers it, and the spans to cite."""

    search: Search
    answered: bool
    policy: str
    spans: tuple[Span, ...]


def fit() -> None:
    """Fit what judges, store it where the bot loads it from, and print the figures."""
    policies = read_labelled_policies(CALIBRATION)
    fits = {"relevance": _fit(*_read_clauses(policies)), "passage": _AS_ITS_BEST_CLAUSE}
    _store(fits)
    rows = _collect(policies)
    fits["passage"] = _fit(*_read_passages(rows))
    near = np.array([answerable_features(row.search) for row in rows])
    answered, names = np.array([row.answered for row in rows]), np.array([row.policy for row in rows])
    fits["answerable"] = _fit(near, answered, names)
    _store(fits)
    for name, fitted in fits.items():
        print(name, fitted)
    print("on_topic", _fit_on_topic(*_read_topics(policies)))


def _store(fits: dict[str, Any]) -> None:
    STORED.write_text(json.dumps(fits, indent=1) + "\n", encoding="utf-8")
    load_fit.cache_clear()


def _read_clauses(policies: Sequence[LabelledPolicy]) -> tuple[Array, Array, Array]:
    """For the clauses nearest to each answered question: their features, whether they answer, and the policy."""
    embedding, scorer = load_embedding_model(TUNED_MODEL), load_clause_scorer()
    features, answers, names = [], [], []
    for labelled in policies:
        policy = labelled.policy
        clauses = [(section, clause) for section in policy.sections for clause in section.clauses]
        texts = [in_context(policy, section, clause) for section, clause in clauses]
        vectors = np.array(embedding.embed_documents(texts))
        for question in labelled.questions:
            if question.outcome is Outcome.ANSWERED:
                asked = condense(question.text, question.history)
                cosines = vectors @ np.array(embedding.embed_query(asked))
                nearest = [int(n) for n in np.argsort(-cosines)[:READ]]
                for n, logit in zip(nearest, scorer.score(asked, [texts[n] for n in nearest]), strict=True):
                    features.append(relevance_features(float(logit), float(cosines[n])))
                    answers.append(any(clauses[n][1].span.overlaps(span) for span in question.spans))
                    names.append(policy.id)
    return np.array(features), np.array(answers), np.array(names)


def _read_passages(rows: Sequence[_Row]) -> tuple[Array, Array, Array]:
    """For the passages found for each answered question: their features, whether they answer, and the policy."""
    found = [(row, p) for row in rows if row.answered for p in row.search.passages]
    features = [passage_features(p.clauses[0].score, p.nearness) for _, p in found]
    answers = [any(p.span.overlaps(span) for span in row.spans) for row, p in found]
    return np.array(features), np.array(answers), np.array([row.policy for row, _ in found])


def _collect(policies: Sequence[LabelledPolicy]) -> list[_Row]:
    """What is found for the questions on privacy that are asked of each policy."""
    with tempfile.TemporaryDirectory() as data:
        settings = load_settings(CALIBRATION, Path(data))
        bot = PolicyBot(settings.model_copy(update={"llm": "", "embedding_model": TUNED_MODEL}))
        bot.sync()
        return [
            _Row(
                _retriever(bot, labelled.policy.id).search(condense(question.text, question.history)),
                question.outcome is Outcome.ANSWERED,
                labelled.policy.id,
                question.spans,
            )
            for labelled in policies
            for question in labelled.questions
            if question.outcome in (Outcome.ANSWERED, Outcome.NOT_IN_POLICY)
        ]


def _retriever(bot: PolicyBot, policy: str) -> PolicyRetriever:
    return PolicyRetriever(index=bot.index, embedding=bot.embedding, scorer=bot.scorer, policy=policy, k=PASSAGES)


def _read_topics(policies: Sequence[LabelledPolicy]) -> tuple[Array, Array, Array]:
    """For questions of all kinds: their vectors, whether they are about privacy, and the share they are left out with.

    The questions to one policy of the calibration are left out together.
    """
    asked = [
        (condense(question.text, question.history), question.outcome is not Outcome.OFF_TOPIC, n % _FOLDS)
        for n, labelled in enumerate(policies)
        for question in labelled.questions
        if question.outcome is not Outcome.UNCLEAR
    ]
    whole = [question.text for policy in read_whole_policies() for question in policy.questions][::_OF_WHOLE]
    taxonomy = [question.text for question in read_taxonomy().questions][::_OF_TAXONOMY]
    for some, private in (
        (read_questions("off_topic.txt"), False),
        ([*read_questions("borderline.txt"), *taxonomy, *whole], True),
    ):
        asked += [(text, private, n % _FOLDS) for n, text in enumerate(some)]
    vectors = load_embedding_model(TUNED_MODEL).embed_queries([text for text, _, _ in asked])
    return np.array(vectors), np.array([private for _, private, _ in asked]), np.array([fold for *_, fold in asked])


def _fit(features: Array, target: Array, policies: Array) -> dict[str, Any]:
    """Weights of a logistic regression from all rows; figures and threshold from leaving each policy out."""
    model = LogisticRegression(max_iter=5000)
    log_odds = _left_out(model, features, target, policies)
    model.fit(features, target)
    return {
        **_figures(target, log_odds, _KEPT),
        "bias": round(float(model.intercept_[0]), 5),
        "weights": [round(float(weight), 5) for weight in model.coef_[0]],
    }


def _fit_on_topic(features: Array, target: Array, folds: Array) -> dict[str, float]:
    """Store a support vector machine from all rows; its scale, figures and threshold from leaving each fold out.

    The principal components, which know no labels, come from all rows.
    """
    pca = PCA(_COMPONENTS, random_state=SEED).fit(features)
    machine = SVC(C=_PENALTY, gamma=_GAMMA)
    points = pca.transform(features)
    decisions = _left_out(machine, points, target, folds)
    scale = LogisticRegression().fit(decisions[:, None], target)
    slope, offset = float(scale.coef_[0, 0]), float(scale.intercept_[0])
    figures = _figures(target, slope * decisions + offset, _KEPT_ON_TOPIC)
    machine.fit(points, target)
    unit = np.abs(machine.support_vectors_).max() / np.iinfo(np.int8).max
    np.savez_compressed(
        ON_TOPIC,
        mean=pca.mean_.astype(np.float16),
        components=pca.components_.astype(np.float16),
        vectors=np.round(machine.support_vectors_ / unit).astype(np.int8),
        unit=unit,
        coefficients=(slope * machine.dual_coef_[0]).astype(np.float16),
        gamma=_GAMMA,
        bias=slope * machine.intercept_[0] + offset,
        threshold=figures["threshold"],
    )
    load_on_topic.cache_clear()
    return figures


def _left_out(model: Any, features: Array, target: Array, groups: Array) -> Array:
    """The decision on each row by a model fitted on the other groups: policies, or folds."""
    decisions = np.zeros(len(target))
    for group in np.unique(groups):
        mine = groups == group
        decisions[mine] = model.fit(features[~mine], target[~mine]).decision_function(features[mine])
    return decisions


def _figures(target: Array, log_odds: Array, kept: float) -> dict[str, float]:
    """The highest threshold that still keeps that share of the yeses, and how well it does."""
    scores = 1 / (1 + np.exp(-log_odds))
    threshold = float(np.quantile(scores[target], 1 - kept))
    return {
        "auroc": round(float(roc_auc_score(target, scores)), 3),
        "recall_yes": round(float((scores[target] >= threshold).mean()), 3),
        "recall_no": round(float((scores[~target] < threshold).mean()), 3),
        "threshold": round(threshold, 3),
        "sure": round(float(np.quantile(scores[target], 1 - _SURE)), 3),
    }
