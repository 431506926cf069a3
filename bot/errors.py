"""What can go wrong, as one tree. Every message says what is wrong and what to do."""


class PolicybotError(Exception):
    """Base of all errors that policybot raises on purpose; its text is for people."""


class SettingsError(PolicybotError):
    """A setting has a value that cannot work."""


class CorpusError(PolicybotError):
    """A corpus folder or a file in it cannot be read as a policy."""


class UnknownPolicyError(PolicybotError):
    """A question names a policy that the index does not hold."""


class StaleIndexError(PolicybotError):
    """The corpus changed after it was indexed, so an answer could be out of date."""


class InputError(PolicybotError):
    """A batch file or another input of the caller's cannot be read."""


class DatabaseError(PolicybotError):
    """The database is out of reach, or does not take what it is given."""
