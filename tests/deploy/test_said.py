"""Every sentence of what commands say and refuse is there in English and Spanish, and is said in the reader's."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

import deploy
from contracts.words import Language
from deploy import cli, command_words, explain_words, takeover_words
from deploy.said import SENTENCES

LANGUAGES: tuple[Language, ...] = ("en", "es")
SAYS = {"Said", "RefusalError", "KafkaMissingError", "UnsetError", "Amount"}  # by a sentence's name


def fields_of(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("name", SENTENCES)
def test_every_sentence_is_there_in_both_languages_with_the_same_in_it(name: str) -> None:
    english, spanish = (SENTENCES[name][language] for language in LANGUAGES)
    assert english
    assert spanish
    assert english != spanish or name == "signed"
    assert fields_of(english) == fields_of(spanish)


def test_every_sentence_that_is_said_is_one_of_these_and_none_is_said_nowhere() -> None:
    said = set()
    for file in Path(deploy.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            of_them = isinstance(node, ast.Call) and getattr(node.func, "id", "") in SAYS
            if of_them:
                said |= {c.value for c in ast.walk(node.args[0]) if isinstance(c, ast.Constant)} & set(SENTENCES)
                assert not isinstance(node.args[0], ast.Constant) or node.args[0].value in SENTENCES
    of_kafka = {name for name in SENTENCES if name.startswith("of_")}  # named by what is known
    assert said | of_kafka == set(SENTENCES)


def test_no_name_is_of_two_sentences() -> None:
    assert len(SENTENCES) == sum(len(part.SENTENCES) for part in (command_words, explain_words, takeover_words))


EXPLAIN = ("alerts", "explain")
AWAY = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("command", "kafka", "code", "says", "dice"),
    [
        ((*EXPLAIN, "3f"), "", 2, "PUENTE_KAFKA: is not set", "PUENTE_KAFKA: no está indicado"),
        ((*EXPLAIN, "3f"), AWAY, 3, "no Kafka answers at 127.0.0.1:1", "ningún Kafka responde en 127.0.0.1:1"),
        ((*EXPLAIN, " "), AWAY, 2, "it is empty: give", "está vacío: dé"),
        ((*EXPLAIN, "3f", "--hours", "nan"), AWAY, 2, "is no number of hours", "no es un número de horas"),
        ((*EXPLAIN, "3f", "--json", "/proc/x/y"), AWAY, 2, "cannot be written there", "no se puede escribir ahí"),
        (("alerts", "tail", "--audience", "all"), AWAY, 2, "there are us", "existen us"),
        (("detectors", "shadow", "--hours", "x"), AWAY, 2, "is no number of hours", "no es un número de horas"),
        (("detectors", "shadow", "--follow", "x"), AWAY, 2, "is no number of minutes", "no es un número de minutos"),
        (("detectors", "shadow", "--model", "2-swift"), AWAY, 3, "no Kafka answers", "ningún Kafka responde"),
    ],
)
def test_what_a_command_refuses_is_said_in_the_language_asked_for_wherever_that_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], kafka: str,
    code: int, says: str, dice: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("PUENTE_KAFKA", kafka) if kafka else monkeypatch.delenv("PUENTE_KAFKA", raising=False)
    for asked, there, away in (((), says, dice), (("--language", "es"), dice, says)):
        assert cli._run([*command, *asked]) == code
        said = capsys.readouterr().err
        assert (there in said, away in said) == (True, False), said


@pytest.mark.parametrize("given", ["a0" * 2_500, "A 0", "no-such-alert", "3f9a\x1b[2J", "ñ"])
def test_what_can_be_no_alerts_id_is_answered_with_what_one_looks_like_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    monkeypatch.setenv("PUENTE_KAFKA", AWAY)
    for language, says in (("en", "one is 32 digits and letters"), ("es", "son 32 dígitos y letras")):
        assert cli._run([*EXPLAIN, given, "--language", language]) == 2
        said = capsys.readouterr().err
        assert says in said
        assert given not in said
