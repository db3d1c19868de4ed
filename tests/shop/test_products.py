"""Finding products and options by what shoppers call them, suggestions, categories and promotions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from shop import clock, database, products
from shop.models import Category, OptionKind, OptionValue, Product, PromotionKind, Variant
from shop.sample import catalogue
from tests.shop.conftest import SmallShop

NOON = datetime(2025, 6, 18, 12, tzinfo=clock.SHOP_TIME)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The sample catalogue, without customers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "_source", lambda: NOON)
        url = f"sqlite:///{tmp_path_factory.mktemp('products')}/shop.db"
        database.migrate(url)
        engine = database.connect(url)
        with database.session_factory(engine)() as session:
            session.add_all([*catalogue.option_values(), *catalogue.products(), *catalogue.promotions()])
            session.commit()
            yield session


def found(session: Session, text: str) -> list[str]:
    return [product.slug for product in products.find_products(session, text)]


def the(session: Session, name: str) -> products.ProductView:
    return products.find_products(session, name)[0]


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("护眼台灯", "eye-care-desk-lamp"),
        ("eye-care desk lamp", "eye-care-desk-lamp"),
        ("耳机", "bluetooth-earphones"),
        ("earbuds", "bluetooth-earphones"),
        ("headphones", "over-ear-headphones"),
        ("T恤", "t-shirt"),
        ("ｔ恤", "t-shirt"),
        ("tshirts", "t-shirt"),
        ("iPhone 13", "iphone-13"),
        ("iphone13", "iphone-13"),
        ("手机壳", "iphone-13-case"),
        ("dresses", "summer-dress"),
        ("knives", "chef-knife"),
        ("戴森吹风机", "hair-dryer"),
        ("the backpacks", "backpack"),
    ],
)
def test_a_name_or_short_name_is_that_product_alone(session: Session, text: str, slug: str) -> None:
    assert found(session, text) == [slug]


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("earbds", "bluetooth-earphones"),
        ("runing shoes", "running-shoes"),
        ("runing shose", "running-shoes"),
        ("backpak", "backpack"),
        ("keybord", "mechanical-keyboard"),
        ("smart watchs", "smart-watch"),
        ("电热壶", "electric-kettle"),
        ("双肩背包", "backpack"),
        ("黑色的蓝牙耳机", "bluetooth-earphones"),
        ("蓝牙earphones", "bluetooth-earphones"),
        ("earphones 蓝牙", "bluetooth-earphones"),
        ("iPhone 13的case", "iphone-13-case"),
        ("iPhone 13的壳", "iphone-13-case"),
        ("红色iphone 13手机壳", "iphone-13-case"),
        ("red case", "iphone-13-case"),
    ],
)
def test_a_misspelled_partial_or_mixed_name_finds_the_product(session: Session, text: str, slug: str) -> None:
    assert found(session, text)[0] == slug


@pytest.mark.parametrize("text", ["台灯", "lamp", "the lamps", "<b>lamp</b>"])
def test_a_name_that_several_share_finds_all_of_them(session: Session, text: str) -> None:
    assert {"eye-care-desk-lamp", "bedside-lamp", "clip-on-lamp"} <= set(found(session, text))


def test_one_character_finds_what_ends_in_it(session: Session) -> None:
    assert set(found(session, "茶")) == {"green-tea", "oolong-tea"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "的",
        "the",
        "😀😀",
        "weather",
        "天气",
        "asdfgh",
        "沙发",
        "laptop",
        "iPhone 15",
        "' OR 1=1 --",
        "x" * 10_000,
    ],
)
def test_what_the_shop_does_not_have_finds_nothing(session: Session, text: str) -> None:
    assert found(session, text) == []


@pytest.mark.parametrize("text", ["耳机" * 5_000, "\x00\ud800", "%_", "/cancel{}", "١٢٣", "ﷺ" * 3_000, "İ" * 500])
def test_no_text_is_too_strange_to_look_for(session: Session, text: str) -> None:
    assert len(found(session, text)) <= 5


def test_there_are_no_more_products_than_asked_for(session: Session) -> None:
    assert len(products.find_products(session, "台灯", limit=2)) == 2


def test_every_product_is_found_by_each_of_its_names(session: Session) -> None:
    for product in session.query(Product).all():
        for name in (product.name_zh, product.name_en, *product.short_names):
            assert product.slug in found(session, name), name


def test_a_product_shows_both_names_its_prices_and_its_variants(session: Session) -> None:
    kettle = the(session, "电热水壶")
    assert (kettle.name_zh, kettle.name_en, kettle.category) == ("电热水壶", "Electric Kettle", Category.KITCHEN)
    assert (kettle.lowest_cents, kettle.highest_cents, kettle.warranty_months) == (15_900, 18_900, 24)
    assert kettle.url == "/products/electric-kettle"
    assert [(variant.options_zh, variant.options_en) for variant in kettle.variants][:1] == [
        ("白色 · 1升", "white · 1 litre")
    ]
    assert products.product(session, kettle.id) == kettle


def test_a_product_that_is_not_there_is_an_error_of_the_caller(session: Session) -> None:
    with pytest.raises(LookupError):
        products.product(session, 999_999)


def test_a_sold_out_variant_says_when_it_is_back(session: Session) -> None:
    backpack = the(session, "双肩包")
    (green,) = products.choose_variants(backpack, {"colour": "green"})
    assert (green.stock, green.restock_on) == (0, NOON.date() + timedelta(days=12))


def test_new_products_are_those_of_the_last_weeks(session: Session) -> None:
    assert the(session, "平板").is_new
    assert not the(session, "马克杯").is_new


@pytest.mark.parametrize(
    ("texts", "product", "codes"),
    [
        (["红的"], None, {"colour": "red"}),
        (["红色"], None, {"colour": "red"}),
        (["red"], None, {"colour": "red"}),
        (["Crimson"], None, {"colour": "red"}),
        (["gray"], None, {"colour": "grey"}),
        (["balck"], None, {"colour": "black"}),
        (["深蓝"], None, {"colour": "navy"}),
        (["XL"], None, {"size": "xl"}),
        (["中号", "红"], None, {"size": "m", "colour": "red"}),
        (["42码"], "跑步鞋", {"size": "42"}),
        (["４２"], "跑步鞋", {"size": "42"}),
        (["size 9"], "跑步鞋", {"size": "42"}),
        (["黑色42码"], "跑步鞋", {"size": "42", "colour": "black"}),
        (["black in size 42"], "跑步鞋", {"size": "42", "colour": "black"}),
        (["the red one"], None, {"colour": "red"}),
        (["500ml"], None, {"capacity": "500ml"}),
        (["500 ML"], None, {"capacity": "500ml"}),
        (["1.7L"], None, {"capacity": "1_7l"}),
        (["128"], "iPhone 13", {"capacity": "128gb"}),
        (["青轴"], None, {"style": "clicky"}),
        (["bored"], None, {}),
        (["i'm"], None, {}),
        (["", "😀" * 5_000, "\x00"], None, {}),
        ([], None, {}),
    ],
)
def test_options_are_understood_in_both_languages(
    session: Session, texts: list[str], product: str | None, codes: dict[str, str]
) -> None:
    product_id = None if product is None else the(session, product).id
    assert products.option_codes(session, texts, product_id) == codes


def test_a_word_means_the_products_own_option_first(session: Session) -> None:
    phone = the(session, "iPhone 13")
    assert products.option_codes(session, ["black"]) == {"colour": "black"}
    assert products.option_codes(session, ["black"], phone.id) == {"colour": "midnight"}
    assert products.option_codes(session, ["白色"], phone.id) == {"colour": "starlight"}


def test_no_name_of_an_option_is_misunderstood(session: Session) -> None:
    own: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for value in session.query(OptionValue).all():
        for name in (value.name_zh, value.name_en):
            own.setdefault((value.kind.value, name.casefold()), set()).add((value.kind.value, value.code))
            assert products.option_codes(session, [name]).get(value.kind.value) == value.code, name
    assert all(len(codes) == 1 for codes in own.values())


def test_variants_are_chosen_by_the_options_that_are_wanted(session: Session) -> None:
    hoodie = the(session, "卫衣")
    assert len(products.choose_variants(hoodie, {})) == len(hoodie.variants) == 12
    assert len(products.choose_variants(hoodie, {"colour": "navy"})) == 4
    (chosen,) = products.choose_variants(hoodie, {"colour": "navy", "size": "l"})
    assert chosen.options == {"colour": "navy", "size": "l"}
    assert products.choose_variants(hoodie, {"colour": "purple"}) == ()
    assert products.choose_variants(hoodie, {"capacity": "128gb"}) == ()


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("衣服", Category.CLOTHES),
        ("shoes", Category.SHOES),
        ("运动鞋", Category.SHOES),
        ("厨房用品", Category.KITCHEN),
        ("kitchn", Category.KITCHEN),
        ("gift for kids", Category.TOYS),
        ("送小朋友的", Category.TOYS),
        ("books for kids", Category.BOOKS),
        ("something to eat", Category.FOOD),
        ("家里用的", Category.HOME),
        ("Electronics", Category.ELECTRONICS),
        ("护肤品", Category.BEAUTY),
        ("outdoor", Category.SPORT),
        ("给我爸买点什么", None),
        ("notebook", None),
        ("", None),
        ("😀" * 10_000, None),
    ],
)
def test_a_category_is_known_by_what_shoppers_call_it(text: str, category: Category | None) -> None:
    assert products.category_of(text) is category


def test_suggestions_stay_in_the_category_and_in_stock(session: Session) -> None:
    suggested = products.recommend(session, category=Category.FOOD)
    assert len(suggested) == 3
    assert {item.category for item in suggested} == {Category.FOOD}
    assert all(any(variant.stock for variant in item.variants) for item in suggested)
    ratings = [item.rating for item in suggested]
    assert ratings == sorted(ratings, reverse=True)


def test_suggestions_to_someone_who_named_no_category_come_from_several(session: Session) -> None:
    assert len({item.category for item in products.recommend(session, limit=5)}) == 5


@pytest.mark.parametrize("most", [5_000, 10_000, 20_000])
def test_suggestions_cost_no_more_than_they_may(session: Session, most: int) -> None:
    suggested = products.recommend(session, most_cents=most, limit=20)
    assert suggested
    assert all(item.lowest_cents <= most for item in suggested)


def test_where_nothing_is_that_cheap_nothing_is_suggested(session: Session) -> None:
    assert products.recommend(session, most_cents=1) == ()


def test_something_similar_is_of_the_same_category_and_not_the_same_product(session: Session) -> None:
    shoes = the(session, "跑步鞋")
    suggested = products.recommend(session, like=shoes.id)
    assert {item.category for item in suggested} == {Category.SHOES}
    assert shoes.id not in {item.id for item in suggested}


def test_beside_lamps_only_lamps_are_suggested_and_beside_all_sorts_anything(session: Session) -> None:
    lamps = [the(session, name) for name in ("护眼台灯", "充电夹式台灯")]
    shown = {"category": Category.HOME, "beside": [lamp.id for lamp in lamps]}
    suggested = products.recommend(session, **shown, most_cents=lamps[0].lowest_cents, limit=9)
    assert {lamp.id for lamp in lamps} <= {item.id for item in suggested}
    assert all("台灯" in item.name_zh or "灯" in item.name_zh for item in suggested)
    assert products.recommend(session, **shown, most_cents=lamps[1].lowest_cents - 1) == ()
    shown["beside"] = [lamps[0].id, the(session, "布艺收纳箱（三只装）").id]
    assert products.recommend(session, **shown, limit=9) == products.recommend(session, category=Category.HOME, limit=9)


def test_new_arrivals_are_new_and_the_newest_come_first(session: Session) -> None:
    suggested = products.recommend(session, new_only=True, limit=20)
    assert len(suggested) >= 5
    assert all(item.is_new for item in suggested)
    assert suggested[0].slug == "science-kit"


def test_a_product_that_is_sold_out_is_not_suggested(session: Session) -> None:
    best = products.recommend(session, category=Category.BOOKS, limit=1)[0]
    with session.begin_nested() as savepoint:
        session.query(Variant).filter_by(product_id=best.id).update({"stock": 0})
        assert best.slug not in [item.slug for item in products.recommend(session, category=Category.BOOKS, limit=9)]
        savepoint.rollback()


def test_promotions_are_those_that_run_today(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_source", lambda: NOON)
    running = {promotion.code: promotion for promotion in products.promotions(session)}
    assert "SPRINGCLEAN" not in running and "PLAYDAY" not in running
    assert running["SAVE40"].kind is PromotionKind.AMOUNT
    assert (running["SAVE40"].value, running["SAVE40"].minimum_cents) == (4_000, 30_000)
    assert running["STEPUP15"].ends_on == NOON.date() + timedelta(days=4)
    for_shoes = {promotion.code for promotion in products.promotions(session, Category.SHOES)}
    assert "STEPUP15" in for_shoes and "TEATIME" not in for_shoes and "SAVE40" in for_shoes


def test_the_catalogue_teaches_every_name_once_and_no_bare_figures(session: Session) -> None:
    phrases = products.catalogue_phrases(session)
    assert len(phrases) == len(set(phrases))
    assert ("product", "耳机", "耳机") in phrases and ("product", "desk lamp", "desk lamp") in phrases
    assert ("option", "红色", "红色") in phrases and ("option", "42码", "42码") in phrases
    assert all(entity in {"product", "option"} and len(text) > 1 and not text.isdigit() for entity, text, _ in phrases)


def test_the_sample_files_live_beside_the_sample(session: Session) -> None:
    folder = Path(catalogue.__file__).parent / "products"
    assert {path.stem for path in folder.glob("*.yml")} == {category.value for category in Category}
    assert {value.kind for value in session.query(OptionValue)} == set(OptionKind)


def test_what_the_shop_renames_goes_by_its_new_name_at_once(small_shop: SmallShop) -> None:
    shop, lamp = small_shop.db, small_shop.product(5_000)[0].product
    red = shop.query(OptionValue).filter_by(code="red").one()
    assert products.called(shop, lamp.name_en) == [lamp.id]
    assert products.option_codes(shop, ["crimson"]) == {}
    lamp.name_en, red.other_names = "Chandelier", ["crimson"]
    small_shop.commit()
    assert products.called(shop, "chandelier") == [lamp.id]
    assert products.option_codes(shop, ["crimson"]) == {"colour": "red"}
