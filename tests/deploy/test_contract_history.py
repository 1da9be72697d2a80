"""What was published before stays readable: today's contracts against every state that git knows."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner

from contracts.catalogue import ALERT, MESSAGES
from deploy import contract_files, contract_history
from deploy.cli.contracts import contracts
from deploy.contract_history import NoHistoryError, WithdrawnError

PUBLISHED = Path(__file__).parents[2] / "docs" / "contracts"
FILE = f"schemas/{ALERT.file}"

Change = Callable[[dict[str, Any]], Any]


class Checkout:
    """A repository whose docs/contracts can be made to say what the code said once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "docs" / "contracts"
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        contract_files.write(self.folder)
        self.today = {name: (self.folder / name).read_text() for name in contract_files.made()}

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", "-C", str(self.root), *who, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, file: str = FILE, change: Change = lambda _: None) -> str:
        """Commit the files of today but for ``file``, changed as given; the commit's id."""
        for name, text in self.today.items():
            (self.folder / name).write_text(text)
        value = json.loads(self.today[file])
        change(value)
        (self.folder / file).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD")

    def withdraw(self, line: str) -> None:
        (self.folder / contract_history.WITHDRAWN).write_text(f"# taken back\n{line}\n")

    def breaks(self) -> dict[str, list[str]]:
        return contract_history.check(self.folder).breaks


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def colour(schema: dict[str, Any]) -> None:
    """A field that the code has not (any more)."""
    schema["$defs"]["Alert"]["properties"]["colour"] = {"type": "string"}


def hue(schema: dict[str, Any]) -> None:
    schema["$defs"]["Alert"]["properties"]["hue"] = {"type": "string"}


def no_sector(schema: dict[str, Any]) -> None:
    """As before the code had this field."""
    del schema["$defs"]["Alert"]["properties"]["sector"]


def test_this_repository_breaks_nothing_that_it_published(not_had: Callable[[str, str], NoReturn]) -> None:
    try:
        past = contract_history.check(PUBLISHED)
    except NoHistoryError as error:
        not_had("history", f"what was published before: {error}")
    assert past.breaks == {}, "raise the message's version in contracts/catalogue.py, or see docs/contracts/withdrawn"
    assert past.states >= len(MESSAGES) - 1


def test_a_commit_that_edits_code_and_published_file_alike_is_caught(checkout: Checkout) -> None:
    first = checkout.commit(change=colour)
    checkout.commit()  # the code has lost it, and so has the file: beside each other they look sound
    assert contract_files.check(checkout.folder).sound, "the control: what compares the two alone sees nothing"
    ((file, (sentence,)),) = checkout.breaks().items()
    assert file == FILE
    assert sentence.startswith("colour: was removed (published in " + first[:9])
    outcome = CliRunner().invoke(contracts, ["check", str(checkout.folder)], standalone_mode=False)
    assert outcome.return_value == 1
    assert "colour: was removed" in outcome.output
    assert CliRunner().invoke(contracts, ["write", str(checkout.folder)], standalone_mode=False).return_value == 1


def test_a_field_that_was_added_since_breaks_nothing(checkout: Checkout) -> None:
    checkout.commit(change=no_sector)
    checkout.commit()
    assert checkout.breaks() == {}
    outcome = CliRunner().invoke(contracts, ["check", str(checkout.folder)], standalone_mode=False)
    assert outcome.return_value == 0
    assert "Compared with all that was published since 2" in outcome.output


def test_states_long_gone_are_looked_at_too(checkout: Checkout) -> None:
    checkout.commit(change=colour)
    checkout.commit()
    checkout.commit(change=no_sector)
    checkout.commit()
    assert [s.partition(" (")[0] for s in checkout.breaks()[FILE]] == ["colour: was removed"]


def test_a_topic_that_was_published_and_is_gone_is_caught(checkout: Checkout) -> None:
    def more(document: dict[str, Any]) -> None:
        document["channels"]["kafka.gone_v1"] = {"address": "gone.v1", "messages": {}}

    checkout.commit("asyncapi.json", more)
    checkout.commit()
    (sentence,) = checkout.breaks()["asyncapi.json"]
    assert sentence.startswith("gone.v1: the topic was published and is gone (")


def test_a_topic_that_is_spelt_otherwise_by_code_and_file_alike_is_caught(checkout: Checkout) -> None:
    def slashed(document: dict[str, Any]) -> None:
        document["channels"]["kafka.telemetry_readings_v1"]["address"] = "telemetry/readings/v1"

    checkout.commit("asyncapi.json", slashed)
    checkout.commit()
    assert contract_files.check(checkout.folder).sound, "the control: what compares the two alone sees nothing"
    (sentence,) = checkout.breaks()["asyncapi.json"]
    assert sentence.startswith("telemetry/readings/v1: the topic was published and is telemetry.readings.v1 now (")


def test_a_role_that_turned_in_code_and_file_alike_is_caught(checkout: Checkout) -> None:
    checkout.commit("asyncapi.json", lambda d: d["components"]["messages"]["alert"].update({"x-puente-role": "taken"}))
    checkout.commit()
    (sentence,) = checkout.breaks()["asyncapi.json"]
    assert sentence.startswith("alert: was taken by the line and is told (")


def test_a_schema_that_left_with_its_message_is_caught(checkout: Checkout) -> None:
    other = checkout.folder / "schemas" / "other.v1.json"
    other.parent.mkdir(exist_ok=True)
    shutil.copy(checkout.folder / FILE, other)
    checkout.commit()
    other.unlink()
    checkout.commit()
    (sentence,) = checkout.breaks()["schemas/other.v1.json"]
    assert "the catalogue has it no more" in sentence


def test_what_a_branch_tried_and_took_back_was_never_out(checkout: Checkout) -> None:
    checkout.commit()
    checkout.git("update-ref", "refs/remotes/origin/main", "HEAD")
    checkout.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    checkout.git("checkout", "--quiet", "-b", "mine")
    checkout.commit(change=colour)
    checkout.commit()
    assert checkout.breaks() == {}
    checkout.git("checkout", "--quiet", "main")
    checkout.git("merge", "--quiet", "--no-ff", "-m", "merged", "mine")
    checkout.git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert checkout.breaks() == {}, "nor by the merge, whose result alone is main's"


class TestWithdrawn:
    def test_a_line_takes_back_what_a_file_was_up_to_a_commit(self, checkout: Checkout) -> None:
        checkout.commit(change=colour)
        second = checkout.commit(change=hue)
        checkout.commit()
        checkout.withdraw(f"{FILE} {second[:8]} named anew before anyone had read it")
        assert checkout.breaks() == {}

    def test_what_came_after_that_commit_still_counts(self, checkout: Checkout) -> None:
        first = checkout.commit(change=colour)
        checkout.commit(change=hue)
        checkout.commit()
        checkout.withdraw(f"{FILE} {first[:8]} named anew before anyone had read it")
        assert [s.partition(" (")[0] for s in checkout.breaks()[FILE]] == ["hue: was removed"]

    def test_what_a_release_has_cannot_be_taken_back(self, checkout: Checkout) -> None:
        first = checkout.commit(change=colour)
        checkout.git("tag", "v0.1.0")
        checkout.commit()
        checkout.withdraw(f"{FILE} {first[:8]} nobody will notice")
        with pytest.raises(WithdrawnError, match=r"is in release v0\.1\.0"):
            checkout.breaks()
        outcome = CliRunner().invoke(contracts, ["check", str(checkout.folder)])
        assert outcome.exit_code == 2

    def test_a_message_that_has_left_the_catalogue_can_be_retired_even_then(self, checkout: Checkout) -> None:
        other = checkout.folder / "schemas" / "other.v1.json"
        other.parent.mkdir(exist_ok=True)
        shutil.copy(checkout.folder / FILE, other)
        first = checkout.commit()
        checkout.git("tag", "v0.1.0")
        other.unlink()
        checkout.commit()
        checkout.withdraw(f"schemas/other.v1.json {first[:8]} its last reader has moved on")
        assert checkout.breaks() == {}

    @pytest.mark.parametrize(
        "line", ["{file} {first}", "{file} 0123456789 never there", "{file} {short} why", "{file}"]
    )
    def test_a_line_that_says_too_little_or_names_no_such_commit_is_refused(
        self, checkout: Checkout, line: str
    ) -> None:
        first = checkout.commit()
        checkout.withdraw(line.format(file=FILE, first=first, short=first[:6]))
        with pytest.raises(WithdrawnError, match="and why"):
            checkout.breaks()


class TestWithoutHistory:
    def test_a_shallow_clone_says_that_it_is_one(self, checkout: Checkout, tmp_path: Path) -> None:
        checkout.commit(change=colour)
        checkout.commit()
        checkout.git("clone", "--quiet", "--depth=1", f"file://{checkout.root}", str(tmp_path / "shallow"))
        folder = tmp_path / "shallow" / "docs" / "contracts"
        with pytest.raises(NoHistoryError, match="shallow"):
            contract_history.check(folder)
        outcome = CliRunner().invoke(contracts, ["check", str(folder)], standalone_mode=False)
        assert outcome.return_value == 0
        assert "Not compared with what was published before: this clone is shallow" in outcome.output

    def test_a_folder_outside_of_git_says_so(self, tmp_path: Path) -> None:
        contract_files.write(tmp_path)
        with pytest.raises(NoHistoryError, match="not a git repository"):
            contract_history.check(tmp_path)

    def test_a_folder_without_contracts_is_a_usage_error_in_one_sentence(self, tmp_path: Path) -> None:
        outcome = CliRunner().invoke(contracts, ["check", str(tmp_path)])
        assert outcome.exit_code == 2
        assert "holds no contracts" in outcome.output
        assert outcome.output.count(".json") == 0
