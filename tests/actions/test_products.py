"""Products: what they are like, cost and come in; comparing, buying, suggestions and promotions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.actions.conftest import Conversation, Shop

QUESTIONS = {
    "ask_product_info": "utter_product_info",
    "ask_product_price": "utter_product_price",
    "ask_product_stock": "utter_product_stock",
    "buy_product": "utter_buy_product",
}


@pytest.mark.parametrize(("intent", "reply"), QUESTIONS.items())
@pytest.mark.parametrize(("text", "name"), [("瑜伽垫怎么样", "瑜伽垫"), ("the yoga mat, please", "yoga mat")])
def test_a_question_about_a_product_is_answered_and_keeps_it_in_focus(
    talk: Conversation, shop: Shop, intent: str, reply: str, text: str, name: str
) -> None:
    assert talk.says(text, intent, product=name).replies == [reply]
    assert talk.slots["product_in_focus"] == shop.row("products", slug="yoga-mat")["id"]


@pytest.mark.parametrize(("intent", "reply"), QUESTIONS.items())
def test_it_is_the_product_last_talked_about(talk: Conversation, intent: str, reply: str) -> None:
    talk.says("is the backpack waterproof", "ask_product_info", product="backpack")
    heard = talk.says("and this one?", intent)
    assert heard.replies == [reply]
    assert "Backpack" in heard.text


@pytest.mark.parametrize("intent", QUESTIONS)
@pytest.mark.parametrize(
    ("text", "entities", "reply"),
    [
        ("how about it", {}, "utter_ask_which_product"),
        ("the flying carpet", {"product": "flying carpet"}, "utter_unknown_product"),
        ("<script>", {"product": "<script>"}, "utter_unknown_product"),
        ("x" * 10_000, {"product": "x" * 10_000}, "utter_unknown_product"),
        ("😀", {"product": "😀"}, "utter_unknown_product"),
    ],
    ids=["none", "unknown", "html", "10 kB", "emoji"],
)
def test_what_the_shop_does_not_have_is_said_plainly(
    talk: Conversation, intent: str, text: str, entities: dict[str, str], reply: str
) -> None:
    heard = talk.says(text, intent, **entities)
    assert heard.replies == [reply]
    assert talk.slots.get("product_in_focus") is None


@pytest.mark.parametrize(("intent", "reply"), QUESTIONS.items())
def test_several_candidates_are_offered_and_the_chosen_one_answers_the_question(
    talk: Conversation, intent: str, reply: str
) -> None:
    heard = talk.says("台灯", intent, product="台灯")
    assert heard.replies == ["utter_several_products"]
    assert {"护眼台灯", "触控床头灯", "充电夹式台灯"} == set(heard.buttons)
    heard = talk.says("触控床头灯", product="触控床头灯")
    assert heard.replies == [reply]
    assert "触控床头灯" in heard.text


def test_a_button_of_several_candidates_names_a_product(talk: Conversation) -> None:
    heard = talk.says("how much is a lamp", "ask_product_price", product="lamp")
    for button in heard.messages[0]["buttons"]:
        other = Conversation(visitor=button["title"])
        answer = other.says(button["payload"], "ask_product_price", product=button["payload"])
        assert answer.replies == ["utter_product_price"]


@pytest.mark.parametrize(
    ("text", "option", "reply", "price"),
    [
        ("how much is the case for the Pro", "iPhone 13 Pro", "utter_variant_price", "¥69"),
        ("how much is the red one", "red", "utter_product_price", "¥59–¥69"),
        ("how much", None, "utter_product_price", "¥59–¥69"),
    ],
)
def test_a_price_is_that_of_the_version_where_one_was_named(
    talk: Conversation, text: str, option: str | None, reply: str, price: str
) -> None:
    entities: dict[str, Any] = {"product": "iphone case"} | ({"option": option} if option else {})
    heard = talk.says(text, "ask_product_price", **entities)
    assert heard.replies == [reply]
    assert price in heard.text


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("卫衣黑色XL还有吗", ["黑色", "XL"], "缺货，预计5月25日（周日）补货"),
        ("is the hoodie there in black XL", ["black", "XL"], "sold out, back Sun 25 May"),
    ],
)
def test_what_is_sold_out_says_when_it_is_back(talk: Conversation, text: str, options: list[str], words: str) -> None:
    heard = talk.says(text, "ask_product_stock", product="hoodie", option=options)
    assert heard.replies == ["utter_variant_stock"]
    assert heard.fact("stock") == words


@pytest.mark.parametrize(
    ("stock", "restock", "zh", "en"),
    [
        (6, None, "有货", "in stock"),
        (5, None, "仅剩5件", "only 5 left"),
        (1, None, "仅剩1件", "only 1 left"),
        (0, None, "缺货", "sold out"),
        (0, "2031-05-16", "缺货，预计明天", "sold out, back tomorrow"),
    ],
)
def test_stock_is_told_as_far_as_it_matters(
    talk: Conversation, shop: Shop, stock: int, restock: str | None, zh: str, en: str
) -> None:
    variant = shop.variant("hoodie", "grey", "m")["id"]
    shop.change("UPDATE variants SET stock = ?, restock_on = ? WHERE id = ?", stock, restock, variant)
    for text, words in (("灰色M码卫衣", zh), ("grey M hoodie", en)):
        heard = talk.says(text, "ask_product_stock", product="hoodie", option=["grey", "M"])
        assert heard.fact("stock").startswith(words)


@pytest.mark.parametrize(
    ("text", "option", "asked"),
    [
        ("有紫色的卫衣吗", "紫色", "紫色"),
        ("a hoodie in purple?", "purple", "purple"),
        ("in unicorn?", "unicorn", "unicorn"),
    ],
)
def test_a_version_that_does_not_exist_is_met_with_those_that_do(
    talk: Conversation, text: str, option: str, asked: str
) -> None:
    heard = talk.says(text, "ask_product_stock", product="hoodie", option=option)
    assert heard.replies == ["utter_no_such_version"]
    assert heard.fact("asked") == asked
    assert "M" in heard.fact("versions")


def test_a_question_of_stock_in_mixed_language_is_understood(talk: Conversation) -> None:
    heard = talk.says("iPhone 13的case有red的吗", "ask_product_stock", product="iPhone 13的case", option="red")
    assert heard.replies == ["utter_product_stock"]
    assert heard.fact("product") == "iPhone 13 手机壳"
    assert heard.fact("versions").count("\n") == 1, "for two models"


def test_a_bare_option_asks_for_the_stock_of_the_product_in_focus(talk: Conversation) -> None:
    talk.says("tell me about the hoodie", "ask_product_info", product="hoodie")
    assert talk.says("黑色M码呢", option=["黑色", "M码"]).replies == ["utter_variant_stock"]


# -- comparing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names", "words"),
    [
        ("手表和耳机哪个好", ["智能手表", "蓝牙耳机"], ["智能手表", "蓝牙耳机", "¥899", "¥299", "条评价"]),
        ("the watch or the earphones", ["smart watch", "bluetooth earphones"], ["Smart Watch", "Bluetooth", "reviews"]),
    ],
)
def test_two_products_are_put_side_by_side(talk: Conversation, text: str, names: list[str], words: list[str]) -> None:
    heard = talk.says(text, "compare_products", product=names)
    assert heard.replies == ["utter_comparison"]
    assert len(heard.fact("products").splitlines()) == 2
    assert all(word in heard.text for word in words), heard.text


def test_one_product_is_compared_with_the_one_in_focus(talk: Conversation) -> None:
    talk.says("how much is the smart watch", "ask_product_price", product="smart watch")
    heard = talk.says("how does it differ from the backpack", "compare_products", product="backpack")
    assert heard.replies == ["utter_comparison"]
    assert "Smart Watch" in heard.text and "Backpack" in heard.text


@pytest.mark.parametrize("names", [[], ["backpack"], ["backpack", "backpack"], ["flying carpet", "magic lamp of yore"]])
def test_what_to_compare_is_asked_where_there_are_not_two(talk: Conversation, names: list[str]) -> None:
    heard = talk.says("which is better", "compare_products", product=names)
    assert heard.replies == ["utter_ask_products_to_compare"]


# -- suggestions and promotions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "entities", "category"),
    [
        ("推荐几双鞋", {}, "shoes"),
        ("something for the kitchen", {}, "kitchen"),
        ("a gift for kids", {}, "toys"),
        ("something like the hoodie", {"product": "hoodie"}, "clothes"),
    ],
)
def test_suggestions_are_of_the_category_asked_for(
    talk: Conversation, shop: Shop, text: str, entities: dict[str, str], category: str
) -> None:
    heard = talk.says(text, "recommend_products", **entities)
    assert heard.replies == ["utter_recommendations"]
    names = {row["name_zh"] for row in shop.rows("products", category=category)}
    names |= {row["name_en"] for row in shop.rows("products", category=category)}
    assert heard.buttons and set(heard.buttons) <= names
    assert "Hoodie" not in heard.buttons


def test_suggestions_cost_no_more_than_what_may_be_spent(talk: Conversation, shop: Shop) -> None:
    heard = talk.says("a gift under 100 yuan", "recommend_products", amount="100")
    assert heard.replies == ["utter_cheaper_recommendations"]
    for name in heard.buttons:
        product = shop.row("products", name_en=name)
        assert min(row["price_cents"] for row in shop.rows("variants", product_id=product["id"])) <= 10_000


def test_what_is_named_with_a_price_is_shown_itself_where_it_costs_no_more(talk: Conversation) -> None:
    assert talk.says("phones under 5000 yuan", "recommend_products", product="phone", amount="5000").buttons == [
        "iPhone 13"
    ]
    dearer = talk.says("phones under 1000 yuan", "recommend_products", product="phone", amount="1000").buttons
    assert dearer and "iPhone 13" not in dearer


@pytest.mark.parametrize(
    ("text", "intent"), [("something cheaper", "recommend_products"), ("cheaper please", "inform")]
)
def test_after_suggestions_cheaper_ones_can_be_had(talk: Conversation, shop: Shop, text: str, intent: str) -> None:
    def lowest(names: list[str]) -> list[int]:
        ids = [shop.row("products", name_en=name)["id"] for name in names]
        return [min(row["price_cents"] for row in shop.rows("variants", product_id=each)) for each in ids]

    shown = lowest(talk.says("what should i get my dad", "recommend_products").buttons)
    heard = talk.says(text, intent)
    assert heard.replies == ["utter_cheaper_recommendations"]
    assert max(lowest(heard.buttons)) < sorted(shown)[1]
    for _ in range(6):
        heard = talk.says("something cheaper", "recommend_products")
    assert heard.replies == ["utter_nothing_cheaper"]


def test_one_of_the_suggestions_is_meant_by_its_place(talk: Conversation) -> None:
    shown = talk.says("what should i get my dad", "recommend_products").buttons
    assert talk.says("is the second one in stock", "ask_product_stock").fact("product") == shown[1]
    assert talk.says("and the third", "inform").fact("product") == shown[2]
    assert talk.says("emma.clarke@example.com", "inform", email="emma.clarke@example.com").replies == [
        "utter_ask_what_for"
    ]


def test_height_and_weight_are_no_size(talk: Conversation) -> None:
    talk.says("do you have the hoodie", "ask_product_stock", product="hoodie")
    heard = talk.says("im 180cm 75kg", "inform", option=["180cm", "75kg"])
    assert heard.replies == ["utter_size_by_body"]


def test_new_arrivals_are_new(talk: Conversation, shop: Shop) -> None:
    heard = talk.says("最近有哪些新品推荐？", "recommend_products")
    released = {shop.row("products", name_zh=name)["released_on"] for name in heard.buttons}
    assert released and min(released) > "2031-03-15"


def test_where_there_is_nothing_to_suggest_another_category_is_offered(talk: Conversation, shop: Shop) -> None:
    shop.change("UPDATE variants SET stock = 0")
    assert talk.says("推荐几双鞋", "recommend_products").replies == ["utter_no_recommendations"]


@pytest.mark.parametrize(
    ("text", "there", "not_there"),
    [
        ("any deals?", ["SAVE40", "WELCOME20", "STEPUP15"], ["SPRINGCLEAN", "PLAYDAY"]),
        ("鞋子有优惠吗", ["STEPUP15", "SAVE40"], ["TEATIME", "READMORE"]),
        ("any offers on toys", ["SAVE40"], ["PLAYDAY", "STEPUP15"]),
    ],
)
def test_promotions_are_those_that_run_today_for_what_was_asked(
    talk: Conversation, text: str, there: list[str], not_there: list[str]
) -> None:
    heard = talk.says(text, "ask_promotions")
    assert heard.replies == ["utter_promotions"]
    assert all(code in heard.text for code in there)
    assert not any(code in heard.text for code in not_there)


def test_a_promotion_says_until_when_it_runs(talk: Conversation) -> None:
    assert "FREESHIP59, until Sat 17 May" in talk.says("any deals?", "ask_promotions").text
    assert "券码FREESHIP59，5月17日（周六）截止" in talk.says("有优惠吗", "ask_promotions").text


def test_where_no_promotion_runs_it_says_what_holds_always(talk: Conversation, shop: Shop) -> None:
    shop.change("UPDATE promotions SET ends_on = '2031-05-14'")
    assert talk.says("any deals?", "ask_promotions").replies == ["utter_no_promotions"]


def test_another_question_instead_of_a_choice_leaves_the_choice_open(talk: Conversation) -> None:
    offered = talk.says("do you have a black lamp", "ask_product_stock", product="lamp")
    heard = talk.says("how much", "ask_product_price")
    assert heard.replies == ["utter_several_products"]
    assert heard.buttons == offered.buttons
    assert talk.says("the second one", "inform", ordinal="second").replies == ["utter_product_price"]


@pytest.mark.parametrize(
    ("text", "intent"), [("最便宜的", "ask_promotions"), ("最便宜的", "recommend_products"), ("最便宜的呢", "inform")]
)
def test_the_cheapest_of_those_offered_is_meant(talk: Conversation, text: str, intent: str) -> None:
    assert talk.says("有没有台灯", "ask_product_info", product="台灯").replies == ["utter_several_products"]
    heard = talk.says(text, intent)
    assert "充电夹式台灯" in heard.text and "触控床头灯" not in heard.text


def test_the_cheaper_of_those_compared_is_meant(talk: Conversation) -> None:
    talk.says("compare yoga mat and running shoes", "compare_products", product=["yoga mat", "running shoes"])
    heard = talk.says("the cheaper one", "recommend_products")
    assert heard.replies == ["utter_product_info"] and "Yoga Mat" in heard.text
