"""Every reason for a refusal or for giving up is said in both languages, and every sentence takes its facts."""

from __future__ import annotations

from string import Formatter

import pytest

from contracts import deadletters, deliveries
from contracts.words import Language
from deploy.cli.dead_letter_words import ENGLISH, WORDS


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_reason_is_said(language: Language) -> None:
    assert set(WORDS[language].refused) == set(deadletters.REASONS)
    assert set(WORDS[language].given_up) == set(deliveries.REASONS)


def test_both_languages_say_the_same_facts() -> None:
    def facts(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    for name in ("delivered", "drilled", "retrying", "last", "letter", "count", "again", "never", "named"):
        assert facts(getattr(WORDS["es"], name)) == facts(getattr(ENGLISH, name)) != set(), name
