"""What commands say and refuse in the reader's language: a sentence is named where it arises, in words where shown."""

from __future__ import annotations

from typing import Any, Final

from contracts.words import Language, Words
from deploy import command_words, explain_words, takeover_words

SENTENCES: Final[Words] = {**command_words.SENTENCES, **explain_words.SENTENCES, **takeover_words.SENTENCES}


class Said:
    """One of the sentences, with what is put in it; a value may be a sentence itself."""

    def __init__(self, name: str, **values: Any) -> None:
        self.name = name
        self.values = values

    def in_language(self, language: Language) -> str:
        """The sentence as it is shown."""
        values = {n: v.in_language(language) if isinstance(v, Said) else v for n, v in self.values.items()}
        return SENTENCES[self.name][language].format(**values)

    def __str__(self) -> str:
        return self.in_language("en")


class SpokenError(Exception):
    """``said`` says what is wrong, and what to do: in English, until ``language`` is set to the reader's."""

    language: Language = "en"

    def __init__(self, name: str, **values: Any) -> None:
        self.said = Said(name, **values)
        Exception.__init__(self, str(self.said))

    def __str__(self) -> str:
        return self.said.in_language(self.language)


class RefusalError(SpokenError, ValueError):
    """Something is not done."""
