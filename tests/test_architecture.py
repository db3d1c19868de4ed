"""The rules of the house that tests can hold: who imports whom, where replies stand, that what is declared exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
OURS = {"shop", "components", "desk", "actions", "channels", "evaluation", "deploy", "serving", "machine"}
MAY_IMPORT = {
    "shop": {"shop"},
    "components": {"components"},
    "desk": {"desk", "shop"},
    "actions": {"actions", "shop", "desk", "machine"},
    "channels": {"channels", "desk", "shop"},
    "serving": {"serving", "machine"},
    "machine": {"machine"},
    "evaluation": OURS,
    "deploy": {"deploy", "shop"},
}
MUST_NOT_IMPORT = {
    "shop": {"rasa", "rasa_sdk", "sanic", "torch"},
    "desk": {"rasa", "rasa_sdk", "torch"},
    "actions": {"rasa", "torch"},
    "serving": {"rasa_sdk", "torch"},
}


def files_of(folder: str, pattern: str = "*") -> list[Path]:
    """Our files in a folder: what an environment of its own has installed there is none of ours."""
    return [p for p in (ROOT / folder).rglob(pattern) if p.is_file() and not {".venv", "__pycache__"} & set(p.parts)]


def imports_of(folder: str) -> set[tuple[str, str]]:
    """(file, imported top-level package) of every import in a folder."""
    found = set()
    for path in files_of(folder, "*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {(str(path.relative_to(ROOT)), alias.name.split(".")[0]) for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add((str(path.relative_to(ROOT)), node.module.split(".")[0]))
    return found


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def domain() -> dict[str, Any]:
    return dict(load(ROOT / "domain.yml"))


def sources(*folders: str) -> str:
    return "\n".join(p.read_text(encoding="utf-8") for folder in folders for p in files_of(folder, "*.py"))


def steps_of_rules_and_stories() -> list[dict[str, Any]]:
    files = [*(ROOT / "data/rules").glob("*.yml"), *(ROOT / "data/stories").glob("*.yml")]
    flows = [flow for file in files for kind in ("rules", "stories") for flow in load(file).get(kind, [])]
    return [step for flow in flows for step in flow["steps"]]


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_imports_run_one_way(folder: str) -> None:
    strangers = {(file, name) for file, name in imports_of(folder) if name in OURS - MAY_IMPORT[folder]}
    forbidden = {(file, name) for file, name in imports_of(folder) if name in MUST_NOT_IMPORT.get(folder, set())}
    assert not strangers | forbidden


def test_the_desk_that_actions_import_serves_nothing() -> None:
    """Sanic and the pages stay in desk/web, which nothing else imports."""
    serving = {file for file, name in imports_of("desk") if name == "sanic"}
    assert serving and all(file.startswith("desk/web/") for file in serving)
    code = sources("actions", "channels") + "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "desk").glob("*.py")
    )
    assert "desk.web" not in code


def test_every_reply_stands_in_one_place() -> None:
    in_domain = set(domain()["responses"])
    in_data = [name for file in (ROOT / "data/responses").glob("*.yml") for name in load(file)["responses"]]
    assert len(in_data) == len(set(in_data))
    assert not in_domain & set(in_data)


def test_every_reply_is_said_in_chinese_and_in_english() -> None:
    for name, variations in domain()["responses"].items():
        zh = [v for v in variations if v.get("condition")]
        en = [v for v in variations if not v.get("condition")]
        assert len(zh) == len(en) == 1, name
        assert zh[0]["condition"] == [{"type": "slot", "name": "language", "value": "zh"}], name
        assert re.search(r"[\u4e00-\u9fff]", zh[0]["text"]), name
        assert not re.search(r"[\u4e00-\u9fff]", en[0]["text"]), name
        facts = [set(re.findall(r"{(\w+)}", v["text"])) for v in (zh[0], en[0])]
        assert facts[0] == facts[1], f"{name} says different facts in its two languages"
        assert len(zh[0].get("buttons", [])) == len(en[0].get("buttons", [])), name


def test_every_reply_is_used() -> None:
    code = sources("actions", "channels")
    spoken = {step["action"] for step in steps_of_rules_and_stories() if "action" in step}
    slots = {slot for form in domain()["forms"].values() for slot in form["required_slots"]}
    composed = re.compile(r'f"(utter_[a-z_]*){')  # f"utter_order_{state}"
    prefixes = tuple(set(composed.findall(code)) | {"utter_refuse_"})
    unused = [
        name
        for name in domain()["responses"]
        if not (
            f'"{name}"' in code
            or name in spoken
            or name.removeprefix("utter_ask_") in slots
            or name.startswith(prefixes)
        )
    ]
    assert not unused


def test_every_reply_that_code_names_is_there() -> None:
    named = set(re.findall(r'"(utter_[a-z_]+)"', sources("actions", "channels"))) - {
        "utter_action",
        "utter_refuse",
        "utter_ask",
    }
    assert not named - set(domain()["responses"])


def test_every_refusal_of_the_shop_has_its_reply() -> None:
    from actions.turn import refusal_reply
    from shop import errors

    replies = set(domain()["responses"])
    refusals = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__base__ is errors.ShopError]
    assert refusals
    for kind in refusals:
        reply = refusal_reply(kind.__new__(kind))
        assert reply in replies, reply


def test_a_reply_quotes_only_facts_its_refusal_has() -> None:
    from dataclasses import fields

    from actions.turn import refusal_reply
    from shop import errors

    responses = domain()["responses"]
    for kind in (k for k in vars(errors).values() if isinstance(k, type) and k.__base__ is errors.ShopError):
        names = {re.sub(r"_(zh|en|cents)$", "", field.name) for field in fields(kind)}  # type: ignore[arg-type]
        for variation in responses[refusal_reply(kind.__new__(kind))]:
            assert set(re.findall(r"{(\w+)}", variation["text"])) <= names, kind.__name__


def test_every_declared_action_exists_and_every_action_is_declared() -> None:
    import importlib
    import pkgutil

    import actions
    from actions.base import ShopAction

    for module in pkgutil.iter_modules(actions.__path__, "actions."):
        importlib.import_module(module.name)

    def leaves(kind: type) -> set[type]:
        below = {leaf for child in kind.__subclasses__() for leaf in leaves(child)}
        return below | ({kind} if not getattr(kind, "__abstractmethods__", None) else set())

    written = {kind().name() for kind in leaves(ShopAction)}
    assert written == set(domain()["actions"])


def test_every_form_asks_what_its_flow_needs_in_that_order() -> None:
    import importlib

    for capability in ("orders", "returns", "trouble", "account"):
        importlib.import_module(f"actions.{capability}")
    from actions.flow import FLOWS

    forms = domain()["forms"]
    assert set(forms) == set(FLOWS)
    for form, flow in FLOWS.items():
        assert forms[form]["required_slots"] == [step.slot for step in flow.steps], form


def test_every_enum_of_the_shop_that_is_shown_has_a_label_in_both_languages() -> None:
    import enum

    from shop import models
    from shop.wording import words

    shown = set(words())
    kinds = [k for k in vars(models).values() if isinstance(k, type) and issubclass(k, enum.Enum)]
    for kind in kinds:
        section = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
        if section in shown - {"promotion_kind"}:
            for member in kind:
                assert set(words()[section][member.value]) == {"zh", "en"}, (section, member)


def test_one_stem_names_a_capability_everywhere() -> None:
    for stem in ("orders", "returns", "trouble", "products", "account"):
        for place in ("data/nlu/{}.yml", "data/rules/{}.yml", "actions/{}.py", "shop/{}.py", "tests/shop/test_{}.py"):
            assert (ROOT / place.format(stem)).exists(), place.format(stem)


def test_no_file_names_a_package_registry() -> None:
    hosts = re.compile("|".join(("pypi[.]org", "python[h]osted", "npm[j]s[.]", "deb[.]debian")))
    tracked = [p for p in ROOT.glob("*") if p.is_file()]
    for folder in (*OURS, "data", "docs", "tests", ".ci", ".github"):
        tracked += files_of(folder)
    written = [p for p in tracked if p.name != "uv.lock"]
    assert not [p for p in written if hosts.search(p.read_text(encoding="utf-8", errors="ignore"))]
