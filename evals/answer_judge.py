"""A chat model's opinion of the answers: correctness against the expected words, faithfulness to the quoted ones.

The rubrics and the way of asking are openevals'. Opinions are reported apart and decide nothing.
"""

import logging
from dataclasses import replace
from typing import Any

from bot.chat_model import ChatModel
from bot.errors import SettingsError
from bot.settings import Settings
from evals.run import CaseResult, Judgement

log = logging.getLogger(__name__)


class AnswerJudge:
    """Judges answers with the chat model that the settings name. Raises SettingsError."""

    def __init__(self, settings: Settings) -> None:
        if not settings.llm:
            raise SettingsError("--judge needs a chat model. Set POLICYBOT_LLM, or leave out --judge.")
        try:
            from openevals.llm import create_llm_as_judge
            from openevals.prompts import CORRECTNESS_PROMPT, RAG_GROUNDEDNESS_PROMPT
        except ImportError as error:
            raise SettingsError("--judge needs openevals. Run: pip install 'policybot[judge]'.") from error
        model = ChatModel(settings)
        self.name = model.name
        self._correctness: Any = create_llm_as_judge(
            prompt=CORRECTNESS_PROMPT, judge=model.langchain_model, feedback_key="correctness", continuous=True
        )
        self._faithfulness: Any = create_llm_as_judge(
            prompt=RAG_GROUNDEDNESS_PROMPT, judge=model.langchain_model, feedback_key="faithfulness", continuous=True
        )

    def judge(self, result: CaseResult) -> CaseResult:
        """The result with a judgement; a score that the model fails to give is None."""
        if result.response is None:
            return result
        case, response = result.case, result.response
        expected = "\n".join(case.spans) or f"The right outcome is {case.outcome}. {case.why}"
        question = "\n".join([*case.history, case.question])
        correctness = _score(self._correctness, inputs=question, outputs=response.text, reference_outputs=expected)
        quoted = "\n".join(citation.quote for citation in response.citations)
        faithfulness = _score(self._faithfulness, context=quoted, outputs=response.text) if quoted else None
        return replace(result, judgement=Judgement(correctness, faithfulness))


def _score(evaluator: Any, **texts: str) -> float | None:
    try:
        return float(evaluator(**texts)["score"])
    except Exception as error:  # whatever the provider's client raises
        log.warning("The chat model gave no score: %s", type(error).__name__)
        return None
