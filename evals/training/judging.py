"""Fits the judge on questions to policies that the models have not seen.

Each policy is left out once, and judged by weights fitted on the others; thresholds and figures come from
those judgements, so the figures are somewhat too good. The weights that are stored are fitted on all of them.
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.messages import HumanMessage
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from bot.answer import Outcome
from bot.calibration import CALIBRATION as STORED
from bot.calibration import load_fit
from bot.chain import PASSAGES, PolicyBot
from bot.chunking import in_context
from bot.conversation import condense
from bot.cross_encoder import load_clause_scorer
from bot.judge import answerable_features, on_topic_features
from bot.models import load_embedding_model
from bot.retrieval import READ, PolicyRetriever, Search, relevance_features
from bot.settings import TUNED_MODEL, load_settings
from evals.labelled import CALIBRATION, LabelledPolicy, LabelledQuestion, read_labelled_policies
from evals.training.data import read_questions
from evals.training.taxonomy import read_taxonomy

Array = np.ndarray[Any, np.dtype[Any]]
_KEPT = 0.96
"""Share of the answered questions that are to be answered, and of those on privacy that are to count as such."""
_OF_TAXONOMY = 11
"""Every so manyth question of the taxonomy is asked too, so that the rarest subjects count as on topic."""


def fit() -> None:
    """Fit the regressions, store them where the bot loads them from, and print the figures."""
    policies = read_labelled_policies(CALIBRATION)
    fits = {"relevance": _fit(*_read_clauses(policies))}
    _store(fits)
    rows = _collect(policies)
    kinds, names = np.array([kind for _, kind, _ in rows]), np.array([name for _, _, name in rows])
    near = np.array([answerable_features(search) for search, _, _ in rows])
    topic = np.array([on_topic_features(search) for search, _, _ in rows])
    private = np.isin(kinds, [Outcome.ANSWERED, Outcome.NOT_IN_POLICY])
    fits["answerable"] = _fit(near[private], kinds[private] == Outcome.ANSWERED, names[private])
    fits["on_topic"] = _fit(topic, kinds != Outcome.OFF_TOPIC, names)
    _store(fits)
    for name, fitted in fits.items():
        print(name, {key: value for key, value in fitted.items() if name != "on_topic" or key != "weights"})


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
                asked = _standalone(question)
                cosines = vectors @ np.array(embedding.embed_query(asked))
                nearest = [int(n) for n in np.argsort(-cosines)[:READ]]
                for n, logit in zip(nearest, scorer.score(asked, [texts[n] for n in nearest]), strict=True):
                    features.append(relevance_features(float(logit), float(cosines[n])))
                    answers.append(any(clauses[n][1].span.overlaps(span) for span in question.spans))
                    names.append(policy.id)
    return np.array(features), np.array(answers), np.array(names)


def _standalone(question: LabelledQuestion) -> str:
    return condense(question.text, [HumanMessage(turn) for turn in question.history])


def _collect(policies: Sequence[LabelledPolicy]) -> list[tuple[Search, str, str]]:
    """What is found for each question, its outcome ("borderline" where only its topic is known), and its policy."""
    off_topic, borderline = read_questions("off_topic.txt"), read_questions("borderline.txt")
    borderline += [question.text for question in read_taxonomy().questions[::_OF_TAXONOMY]]
    rows: list[tuple[Search, str, str]] = []
    with tempfile.TemporaryDirectory() as data:
        settings = load_settings(CALIBRATION, Path(data))
        bot = PolicyBot(settings.model_copy(update={"llm": "", "embedding_model": TUNED_MODEL}))
        bot.sync()
        for n, labelled in enumerate(policies):
            name = labelled.policy.id
            retriever = PolicyRetriever(
                index=bot.index, embedding=bot.embedding, scorer=bot.scorer, policy=name, k=PASSAGES
            )
            asked = [
                (_standalone(question), str(question.outcome))
                for question in labelled.questions
                if question.outcome is not Outcome.UNCLEAR
            ]
            asked += [(text, str(Outcome.OFF_TOPIC)) for text in off_topic[n :: len(policies)]]
            asked += [(text, "borderline") for text in borderline[n :: len(policies)]]
            rows += [(retriever.search(text), kind, name) for text, kind in asked]
    return rows


def _fit(features: Array, target: Array, policies: Array) -> dict[str, Any]:
    """Weights from all rows; figures and threshold from leaving each policy out.

    The threshold is the highest that still keeps the wanted share of the yeses.
    """

    def fitted(rows: Array) -> LogisticRegression:
        return LogisticRegression(max_iter=5000).fit(features[rows], target[rows])

    scores = np.zeros(len(target))
    for policy in np.unique(policies):
        scores[policies == policy] = fitted(policies != policy).predict_proba(features[policies == policy])[:, 1]
    threshold = float(np.quantile(scores[target], 1 - _KEPT))
    final = fitted(np.ones(len(target), bool))
    return {
        "auroc": round(float(roc_auc_score(target, scores)), 3),
        "recall_yes": round(float((scores[target] >= threshold).mean()), 3),
        "recall_no": round(float((scores[~target] < threshold).mean()), 3),
        "threshold": round(threshold, 3),
        "bias": round(float(final.intercept_[0]), 5),
        "weights": [round(float(weight), 5) for weight in final.coef_[0]],
    }
