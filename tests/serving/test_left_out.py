"""What the server leaves out of its start: importable by name, explained when called, left in where it is used."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from serving.__main__ import in_use
from serving.left_out import LIBRARIES, left_out

ROOT = Path(__file__).resolve().parents[2]


def python(code: str) -> str:
    """What a fresh Python prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_rasas_server_starts_without_what_nobody_uses() -> None:
    found = python("""
        import sys
        from serving.left_out import LIBRARIES, left_out
        with left_out():
            import rasa.core.run
        print([name for name in LIBRARIES if name in sys.modules])
    """)
    assert found == "[]"


def test_what_the_configuration_asks_for_is_left_in() -> None:
    found = python("""
        import sys
        from serving.left_out import left_out
        with left_out({"slack", "mongod"}):
            import rasa.core.run
        import slack_sdk, pymongo
        from slack_sdk.web.async_client import AsyncWebClient
        print(AsyncWebClient.__module__, pymongo.__file__ is not None, "aiogram" in sys.modules)
    """)
    assert found == "slack_sdk.web.async_client True False"


def test_what_is_left_out_is_found_again_afterwards() -> None:
    found = python("""
        from serving.left_out import left_out
        with left_out():
            from sklearn.model_selection import train_test_split
        import sklearn.model_selection
        print(callable(sklearn.model_selection.KFold), type(train_test_split).__name__)
    """)
    assert found == "True Name"


def test_what_is_called_says_where_it_is() -> None:
    found = python("""
        from serving.left_out import left_out
        with left_out():
            from fbmessenger import MessengerClient
        class Client(MessengerClient):
            pass
        assert issubclass(Client, MessengerClient)
        for call in (MessengerClient, Client, MessengerClient.from_settings):
            try:
                call("token")
            except ImportError as left_out:
                print(left_out)
    """)
    first, second, third = found.splitlines()
    assert first.startswith("fbmessenger.MessengerClient is left out of this server") and "`rasa run`" in first
    assert second.startswith("Client is left out") and third.startswith("fbmessenger.MessengerClient.from_settings is")


def test_what_is_imported_already_is_not_touched() -> None:
    import redis

    with left_out():
        import redis as within
    assert within is redis and redis.__file__


def test_what_is_in_use_is_read_from_the_configuration(tmp_path: Path) -> None:
    credentials, endpoints = tmp_path / "credentials.yml", tmp_path / "endpoints.yml"
    credentials.write_text("slack: {token: x}\nchannels.web.WebChannel:\n")
    endpoints.write_text("tracker_store: {type: mongod}\naction_endpoint: {url: x}\n")
    assert {"slack", "mongod"} <= set(in_use(credentials, endpoints))
    empty = tmp_path / "empty.yml"
    empty.write_text("")
    assert in_use(empty) == set()


def test_each_library_names_what_it_is_for() -> None:
    assert all(uses for uses in LIBRARIES.values())
