"""What privacy policies speak of, in people's words and in policies' own.

People ask "who gets my stuff?" where a policy says "we may disclose information to". A topic
joins the two: a question near to its everyday questions is also searched for as its statement.
"""

from dataclasses import dataclass

import numpy as np

from bot.models import EmbeddingModel, Matrix, Vector


@dataclass(frozen=True, slots=True)
class Topic:
    """`statement` is how policies put it, `questions` how people do."""

    statement: str
    questions: tuple[str, ...]


TOPICS = (
    Topic(
        "Information we collect: account information, contact details, device and usage data.",
        ("what do you collect about me", "what do you know about me", "which data do you have on me"),
    ),
    Topic(
        "How we use information: we use personal data to provide, improve and secure the services.",
        ("why do you need my data", "what do you do with my info", "what is my information used for"),
    ),
    Topic(
        "How we disclose information: we may share personal data with service providers and other third parties.",
        ("who do you share my data with", "who gets to see my stuff", "do you give my info to other companies"),
    ),
    Topic(
        "We disclose information to authorities when required by law, a court order or legal process.",
        ("do you give my data to the police", "can the government see my data", "what if you get a subpoena"),
    ),
    Topic(
        "We do not sell personal information.",
        ("do you sell my data", "do you make money off my info", "are you selling my stuff to anyone"),
    ),
    Topic(
        "Information may be transferred to a successor in a merger, acquisition, bankruptcy or sale of assets.",
        ("what happens to my data if you get bought", "what if the company is sold or goes bust"),
    ),
    Topic(
        "We use or do not use content to train machine learning and artificial intelligence models.",
        ("do you train AI on my stuff", "is my content used to teach your models", "do my chats train the AI"),
    ),
    Topic(
        "Content is sent to artificial intelligence model providers to provide the requested feature.",
        ("does openai see my prompts", "which AI companies get my messages", "where do my prompts go"),
    ),
    Topic(
        "Cookies, local storage, analytics and similar tracking technologies.",
        ("do you track me", "do you use cookies", "what trackers are on your site", "can I turn off cookies"),
    ),
    Topic(
        "Advertising, marketing messages and how to opt out of them or unsubscribe.",
        ("do you show me ads", "how do I stop your emails", "will you spam me", "do you target me with ads"),
    ),
    Topic(
        "Retention: how long we keep personal data and when it is deleted.",
        ("how long do you keep my data", "when do you delete my stuff", "do you keep it after I leave"),
    ),
    Topic(
        "Security measures: encryption, access controls and monitoring protect information.",
        ("is my data safe", "how do you keep hackers out", "how do you protect my info", "can I get hacked"),
    ),
    Topic(
        "We notify affected people and authorities of a personal data breach.",
        ("will you tell me if you get hacked", "what happens after a data breach", "do you report leaks"),
    ),
    Topic(
        "International transfers: data is processed in other countries under appropriate safeguards.",
        ("where is my data stored", "does my data leave the country", "which country are your servers in"),
    ),
    Topic(
        "Your rights: you may access, export, correct or delete your personal data, restrict or object to processing.",
        ("can I see what you have on me", "how do I delete my data", "can I get a copy", "can I fix wrong info"),
    ),
    Topic(
        "You may withdraw your consent at any time.",
        ("can I change my mind", "can I take back my permission", "what if I no longer agree"),
    ),
    Topic(
        "Children: the services are not directed to children under a certain age; parents may contact us.",
        ("can my kid use this", "I am 12 can I sign up", "is there an age limit", "do you collect kids' data"),
    ),
    Topic(
        "Changes to this policy: we may update it and will give notice of material changes.",
        ("will you tell me if the rules change", "can you change this policy", "when was this last updated"),
    ),
    Topic(
        "Contact: privacy requests and questions can be sent to us by e-mail or post.",
        ("how do I contact you about privacy", "who do I write to", "where can I complain", "is there an email"),
    ),
    Topic(
        "Payment and billing data; card details are handled by a payment processor.",
        ("do you store my credit card", "who handles my payment", "do you see my bank details"),
    ),
    Topic(
        "Location data and where you are.",
        ("do you know where I am", "do you track my location", "do you use my gps"),
    ),
    Topic(
        "Data retrieved from third-party services and accounts that you connect, with your permission.",
        ("what do you get from apps I connect", "do you read my google drive", "what about linked accounts"),
    ),
    Topic(
        "IP address, browser and device information, log data.",
        ("do you log my ip", "what do you know about my phone", "do you keep logs of what I do"),
    ),
    Topic(
        "Scope: who is responsible, controller or processor, and which services this policy applies to.",
        ("who is this policy for", "who is responsible for my data", "does this cover my company's account"),
    ),
    Topic(
        "Aggregated, anonymized or de-identified information.",
        ("do you anonymise my data", "can statistics be traced back to me"),
    ),
    Topic(
        "Automated decisions and profiling.",
        ("does a computer decide about me", "are decisions made by an algorithm"),
    ),
)

_NEAR = 0.5
"""Cosine from which a question is taken to be about a topic; below it nothing is added."""


class QueryExpander:
    """Adds the statement of the nearest topic to a question's vector, the more the nearer it is."""

    def __init__(self, model: EmbeddingModel) -> None:
        self._owner = np.array([i for i, topic in enumerate(TOPICS) for _ in topic.questions])
        self._questions: Matrix = np.array(
            model.embed_queries([question for topic in TOPICS for question in topic.questions]), np.float32
        )
        self._statements: Matrix = np.array(model.embed_documents([topic.statement for topic in TOPICS]), np.float32)

    def expand(self, query: Vector) -> Vector:
        """A unit vector between the query and its topic's statement, or the query itself."""
        cosines = self._questions @ query
        nearest = int(cosines.argmax())
        weight = max(0.0, (float(cosines[nearest]) - _NEAR) / (1 - _NEAR))
        expanded = query + weight * self._statements[self._owner[nearest]]
        unit: Vector = expanded / np.linalg.norm(expanded)
        return unit
