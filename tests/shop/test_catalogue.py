"""A shopkeeper's own files: read to the last mistake, loaded whole or not at all, written out as they came in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from shop import catalogue, clock, database, seed
from shop.catalogue_files.reading import HELP_ARTICLES, read
from shop.models import (
    AuditEntry,
    Base,
    Customer,
    OptionValue,
    Order,
    OrderLine,
    OrderState,
    Product,
    Promotion,
    PromotionKind,
    Variant,
)
from shop.sample.catalogue import FILES
from shop.seed import fill

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2031, 5, 1, 12, tzinfo=clock.SHOP_TIME)
MUG = """
options:
  colour: {red: [红色, red, 红], blue: [蓝色, blue]}
products:
- slug: mug
  category: kitchen
  name: [杯子, Mug]
  summary: [好杯子。, A good mug.]
  price: 49.5
  stock: 7
  options: {colour: [red, blue]}
promotions:
- {code: TEN, name: [九折, 10% off], kind: percent, value: 10, starts: 2031-05-01, ends: 2031-05-31}
"""
CUP = "- {slug: cup, category: kitchen, name: [杯, Cup], summary: [小杯, Small], price: 9, stock: 1}"
Write = Callable[..., Path]
Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_source", lambda: NOON)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/var/shop.db"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file, with replacements in its text."""

    def written(*replacements: tuple[str, str], text: str = MUG, name: str = "mine.yml") -> Path:
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture
def said(url: str, capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs the command on the shop; its exit code and what it printed."""

    def run(command: str, *arguments: object) -> tuple[int, str, str]:
        code = catalogue.main([command, "--url", url, *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def contents(url: str) -> dict[str, list[Any]]:
    with database.connect(url).connect() as connection:
        return {table.name: connection.execute(table.select()).all() for table in Base.metadata.sorted_tables}


def rows(url: str, model: Any) -> list[Any]:
    with database.session_factory(database.connect(url))() as session:
        found = list(session.execute(select(model).order_by(model.id)).scalars())
        session.expunge_all()
        return found


def stocks(url: str) -> dict[str, int]:
    return {variant.sku: variant.stock for variant in rows(url, Variant)}


def test_the_first_load_makes_a_shop_of_its_own(url: str, write: Write, said: Said) -> None:
    code, out, _ = said("load", write())
    assert code == 0
    assert out.endswith("2 option values added. 1 product added. 1 promotion added.\n")
    (mug,) = rows(url, Product)
    assert (mug.slug, mug.name_zh, mug.name_en, mug.released_on) == ("mug", "杯子", "Mug", NOON.date())
    assert (mug.rating, mug.review_count, mug.warranty_months, mug.is_returnable) == (0.0, 0, 0, True)
    assert [(v.sku, v.options, v.price_cents, v.stock) for v in rows(url, Variant)] == [
        ("MUG-RED", {"colour": "red"}, 4_950, 7),
        ("MUG-BLUE", {"colour": "blue"}, 4_950, 7),
    ]
    assert rows(url, OptionValue)[0].other_names == ["红"]
    (ten,) = rows(url, Promotion)
    assert (ten.kind, ten.value, ten.ends_on) == (PromotionKind.PERCENT, 10, date(2031, 5, 31))


def test_the_first_load_goes_into_an_empty_migrated_database(url: str, write: Write, said: Said) -> None:
    database.migrate(url)
    assert said("load", write())[0] == 0
    assert len(rows(url, Product)) == 1


def test_a_shop_with_its_own_products_is_not_filled_with_the_sample(url: str, write: Write, said: Said) -> None:
    said("load", write())
    before = contents(url)
    assert database.is_filled(url)
    assert not seed.seed(url)
    assert contents(url) == before


def test_loading_again_changes_nothing(url: str, write: Write, said: Said) -> None:
    said("load", write())
    before = contents(url)
    code, out, _ = said("load", write())
    assert (code, out) == (0, "2 option values as they were. 1 product as it was. 1 promotion as it was.\n")
    assert contents(url) == before


def test_a_load_changes_what_is_changed_adds_what_is_new_and_says_so(url: str, write: Write, said: Said) -> None:
    said("load", write())
    path = write(
        ("price: 49.5", "price: 52"),
        ("promotions:", f"{CUP}\npromotions:"),
        ("ends: 2031-05-31", "ends: 2031-06-30"),
    )
    code, out, _ = said("load", path)
    assert code == 0
    assert "changed  mug: MUG-RED price 49.5 → 52; MUG-BLUE price 49.5 → 52\n" in out
    assert "changed  TEN: ends 2031-05-31 → 2031-06-30\n" in out
    assert out.endswith("2 option values as they were. 1 product added, 1 changed. 1 promotion changed.\n")
    assert {variant.sku: variant.price_cents for variant in rows(url, Variant)} == {
        "MUG-RED": 5_200,
        "MUG-BLUE": 5_200,
        "CUP": 900,
    }


def test_a_new_version_of_a_product_is_added_to_it(url: str, write: Write, said: Said) -> None:
    said("load", write())
    path = write(("[蓝色, blue]}", "[蓝色, blue], green: [绿色, green]}"), ("[red, blue]", "[red, green]"))
    _, out, _ = said("load", path)
    assert "changed  mug: MUG-GREEN added\n" in out
    (mug,) = rows(url, Product)
    assert {(variant.sku, variant.product_id) for variant in rows(url, Variant)} == {
        ("MUG-RED", mug.id),
        ("MUG-BLUE", mug.id),
        ("MUG-GREEN", mug.id),
    }


def test_what_was_loaded_stands_in_the_audit_trail(url: str, write: Write, said: Said) -> None:
    path = write()
    said("load", path)
    said("load", path)
    (entry,) = rows(url, AuditEntry)
    assert (entry.actor, entry.action) == ("shop.catalogue", "load_catalogue")
    assert entry.details["files"] == [str(path)]
    assert "added    mug" in entry.details["changes"]


def test_a_check_says_what_would_change_and_changes_nothing(url: str, write: Write, said: Said) -> None:
    said("load", write())
    before = contents(url)
    code, out, _ = said("load", "--check", write(("stock: 7", "stock: 8")))
    assert code == 0
    assert "MUG-RED stock 7 → 8" in out
    assert "Only checked. A load would do this: 2 option values as they were. 1 product changed." in out
    assert contents(url) == before


def test_a_check_before_there_is_a_shop_makes_none(tmp_path: Path, write: Write, said: Said) -> None:
    code, out, _ = said("load", "--check", write())
    assert code == 0
    assert "1 product added" in out
    assert not (tmp_path / "var").exists()


def test_a_load_with_a_mistake_makes_no_shop_either(tmp_path: Path, write: Write, said: Said) -> None:
    assert said("load", write(("price: 49.5", "price: 0")))[0] == 1
    assert not (tmp_path / "var").exists()


def test_stock_that_is_left_out_stays_as_the_shop_counts_it(url: str, write: Write, said: Said) -> None:
    said("load", write())
    with database.session_factory(database.connect(url))() as session:
        session.execute(Variant.__table__.update().values(stock=3, restock_on=date(2031, 6, 1)))
        session.commit()
    path = write(("  stock: 7\n", ""))
    assert "1 product as it was" in said("load", path)[1]
    assert stocks(url) == {"MUG-RED": 3, "MUG-BLUE": 3}


def test_what_is_not_named_stays_unless_it_is_retired(url: str, write: Write, said: Said) -> None:
    said("load", write())
    path = write(text=f"products:\n{CUP}\n", name="cups.yml")
    assert "1 product added." in said("load", path)[1]
    assert stocks(url) == {"MUG-RED": 7, "MUG-BLUE": 7, "CUP": 1}
    _, out, _ = said("load", "--retire", path)
    assert out == "retired  mug\n1 product retired, 1 as it was.\n"
    assert stocks(url) == {"MUG-RED": 0, "MUG-BLUE": 0, "CUP": 1}
    assert said("load", "--retire", path)[1] == "1 product as it was.\n"


def test_a_version_that_is_not_named_is_retired_with_the_rest(url: str, write: Write, said: Said) -> None:
    said("load", write())
    path = write(("colour: [red, blue]", "colour: [red]"))
    assert "1 product as it was" in said("load", path)[1]
    said("load", "--retire", path)
    assert stocks(url) == {"MUG-RED": 7, "MUG-BLUE": 0}


def test_files_without_products_cannot_empty_the_shop(url: str, write: Write, said: Said) -> None:
    said("load", write())
    path = write(text=MUG[MUG.index("promotions:") :], name="promotions.yml")
    code, _, err = said("load", "--retire", path)
    assert code == 1
    assert "off the shelves" in err and stocks(url) == {"MUG-RED": 7, "MUG-BLUE": 7}


MISTAKES = [
    ("category: kitchen", "category: kichen", 'product mug, category: "kichen" is none of electronics'),
    ("category: kitchen\n", "\n", "product mug, category: it is missing."),
    ("options: {colour: [red", "options: {colour: [mauve", 'product mug, colour: "mauve" is not known'),
    ("options: {colour: [red", "options: {hue: [red", 'product mug, options: "hue" is no kind of option'),
    ("options: {colour: [red", "options: {colour: [blue", "product mug, options: a colour stands there twice."),
    ("  colour: {red: [红色, red", "  hue: {red: [红色, red", 'options: "hue" is no kind of option'),
    ("red: [红色, red, 红]", "red: [红色]", "colour red, names: they need both languages"),
    ("red: [红色, red, 红]", "red: [red, 红色]", 'names: "红色" stands where the English belongs'),
    ("[杯子, Mug]", "[杯子]", "product mug, name: it needs both languages, as [Chinese, English]."),
    ("[杯子, Mug]", "Mug", 'product mug, name: a list such as [one, two] is expected, not "Mug".'),
    ("[杯子, Mug]", "[Mug, 杯子]", 'product mug, name: "杯子" stands where the English belongs'),
    ("[杯子, Mug]", "[杯子, yes]", 'product mug, name: "true" is read as something else than text'),
    ("[杯子, Mug]", f"[杯子, {'m' * 81}]", "product mug, name:"),
    ("[好杯子。, A good mug.]", "[Good., Good.]", 'product mug, summary: "Good." stands where the Chinese belongs'),
    ("price: 49.5", "price: 0", 'product mug, price: "0" is not a positive amount in yuan.'),
    ("price: 49.5", "price: -3", 'product mug, price: "-3" is not a positive amount in yuan.'),
    ("price: 49.5", "price: .nan", 'product mug, price: "nan" is not an amount in yuan'),
    ("price: 49.5", "price: ¥49", 'product mug, price: "¥49" is not an amount in yuan'),
    ("price: 49.5", "price: 49.555", 'product mug, price: "49.555" has more than two decimals.'),
    ("price: 49.5", "price: 5\n  extra: {red: -5}", "product mug, extra: red would cost 0 yuan."),
    ("price: 49.5", "price: 5\n  extra: {green: 5}", 'product mug, extra: "green" is none of this product\'s options.'),
    ("price: 49.5", "price: 5\n  price: 6", "line 10: price stands here twice."),
    ("stock: 7", "stock: -1", "product mug, stock: -1 is less than nothing."),
    ("stock: 7", "stock: 1.5", "product mug, stock: a whole number from 0 to"),
    ("stock: 7", "stok: 7", "product mug, stok: there is no such field (perhaps stock)."),
    ("  stock: 7\n", "", "product mug, stock: it is missing, and new to the shop are MUG-RED and 1 more."),
    ("stock: 7", "stock: 7\n  sold_out: {red xl: null}", 'sold_out: "xl" is none of this product'),
    ("stock: 7", "stock: 7\n  sold_out: {red: soon}", 'sold_out: a day such as 2031-05-15 is expected, not "soon".'),
    ("stock: 7", "stock: 7\n  help: kitchn", 'product mug, help: "kitchn" is none of general'),
    ("stock: 7", "stock: 7\n  rating: 7", "product mug, rating: a number from 1 to 5 is expected"),
    ("stock: 7", "stock: 7\n  reviews: 7", "product mug, rating: it is missing, though there are reviews."),
    ("stock: 7", "stock: 7\n  returnable: maybe", "product mug, returnable: true or false is expected"),
    ("stock: 7", "stock: 7\n  released: 2031-02-30", "line 11: 2031-02-30 is no day of the calendar."),
    ("stock: 7", "stock: 7\n  warranty: -1", "product mug, warranty: a whole number from 0"),
    ("stock: 7", "stock: 7\n  variants: [{sku: A, price: 1}]", "stock: it is said for each of the variants"),
    ("stock: 7", f"stock: 7\n  sku: {'m' * 40}", "characters: give the product a shorter one."),
    ("slug: mug", "slug: My Mug", 'slug: "My Mug" is not a name for the address of its page'),
    ("- slug: mug", "- {slug: mug}\n- slug: mug", 'product mug, slug: "mug" is taken already'),
    ("products:\n", "products:\n- just a mug\n", "product number 1: fields such as `name: ...` are expected here"),
    ("products:", "prodcts:", "prodcts: there is no such field (perhaps products)."),
    ("ends: 2031-05-31", "ends: 2031-04-30", "promotion TEN, ends: 2031-04-30 is before it starts, on 2031-05-01."),
    (", ends: 2031-05-31", "", "promotion TEN, ends: it is missing."),
    ("value: 10", "value: 101", "promotion TEN, value: a whole number from 1 to 100 is expected"),
    ("kind: percent", "kind: gift", 'promotion TEN, kind: "gift" is none of percent, amount, free_shipping.'),
    ("kind: percent", "kind: free_shipping", "promotion TEN, value: free shipping has none."),
    ("value: 10", "value: 10, minimum: -1", 'promotion TEN, minimum: "-1" is less than nothing.'),
    ("value: 10", "value: 10, category: cars", 'promotion TEN, category: "cars" is none of'),
    ("products:", "products: [", "line "),
]


@pytest.mark.parametrize(("old", "new", "sentence"), MISTAKES)
def test_a_mistake_is_named_and_nothing_changes(
    url: str, write: Write, said: Said, old: str, new: str, sentence: str
) -> None:
    database.migrate(url)
    before = contents(url)
    path = write((old, new))
    code, out, err = said("load", path)
    assert (code, out) == (1, "")
    (line,) = [line for line in err.splitlines() if sentence in line]
    assert line.startswith(f"{path}")
    assert err.splitlines()[-1].endswith("nothing is changed.")
    assert contents(url) == before


def test_every_mistake_of_every_file_is_said_at_once(write: Write, said: Said) -> None:
    one = write(("price: 49.5", "price: -1"), ("stock: 7", "stock: -7"), ("value: 10", "value: 0"))
    two = write(
        text="products:\n- {slug: mug, category: kitchen, name: [杯, Cup], summary: [杯, Cup], price: 1}", name="b.yml"
    )
    err = said("load", one, two, "nowhere.yml")[2].splitlines()
    assert err == [
        "nowhere.yml: it cannot be opened (No such file or directory).",
        f'{one}, product mug, price: "-1" is not a positive amount in yuan.',
        f"{one}, product mug, stock: -7 is less than nothing.",
        f'{two}, product mug, slug: "mug" is taken already, by {one}, product mug.',
        f'{one}, promotion TEN, value: a whole number from 1 to 100 is expected, not "0".',
        "5 mistakes: nothing is changed.",
    ]


def test_a_file_in_another_encoding_is_refused_in_a_sentence(tmp_path: Path, said: Said) -> None:
    path = tmp_path / "gbk.yml"
    path.write_bytes(MUG.encode("gb18030"))
    assert "save it as UTF-8" in said("load", path)[2]


@pytest.mark.parametrize("text", ["", "# nothing\n", "- slug: mug\n", "just words\n"])
def test_a_file_without_sections_is_refused(write: Write, said: Said, text: str) -> None:
    assert "should begin with one of `options:`, `products:`, `promotions:`" in said("load", write(text=text))[2]


@pytest.mark.parametrize(
    ("variants", "sentence"),
    [
        ("[]", "variants: there must be 1 to 400 of them."),
        ("[{sku: A, price: 1, stock: 1}, {sku: A, colour: red, price: 1, stock: 1}]", 'sku: "A" is taken already'),
        ("[{sku: A, price: 1, stock: 1}, {sku: B, price: 1, stock: 1}]", "variants: A and B are the same version."),
        ("[{sku: A, price: 1, stock: 1, back: soon}]", "variant A, back: a day such as"),
        ("[{sku: A, price: 1, back: 2031-06-01}]", "variant A, back: it needs the stock beside it"),
        ("[{sku: A b, price: 1, stock: 1}]", 'sku: "A b" is not a stock number'),
        ("[{sku: A, price: 1, stock: 1, hue: red}]", "variant A, hue: there is no such field"),
        ("[7]", "variant 1: fields such as `name: ...` are expected here"),
    ],
)
def test_variants_said_one_by_one_are_checked_as_well(write: Write, said: Said, variants: str, sentence: str) -> None:
    old = "  price: 49.5\n  stock: 7\n  options: {colour: [red, blue]}"
    code, _, err = said("load", write((old, f"  variants: {variants}")))
    assert code == 1
    assert sentence in err


def test_a_stock_number_cannot_wander_to_another_product(write: Write, said: Said) -> None:
    said("load", write())
    err = said("load", write(("slug: mug", "slug: cup\n  sku: MUG")))[2]
    assert 'product cup, sku: "MUG-RED" is the shop\'s number for another product, mug.' in err


def test_a_version_keeps_its_stock_number(write: Write, said: Said) -> None:
    said("load", write())
    err = said("load", write(("slug: mug", "slug: mug\n  sku: M")))[2]
    assert 'product mug, sku: "M-RED" is in the shop as "MUG-RED": keep that number.' in err


def test_what_was_ordered_stays_what_it_was(url: str, write: Write, said: Said) -> None:
    said("load", write())
    with database.session_factory(database.connect(url))() as session:
        red = session.execute(select(Variant).filter_by(sku="MUG-RED")).scalar_one()
        session.add(_order_of(red))
        session.commit()
    old = "  price: 49.5\n  stock: 7\n  options: {colour: [red, blue]}"
    swapped = "[{sku: MUG-RED, colour: blue, price: 1}, {sku: MUG-BLUE, colour: red, price: 1}]"
    err = said("load", write((old, f"  variants: {swapped}")))[2].splitlines()
    assert len(err) == 2
    assert 'sku: "MUG-RED" was ordered as red; another version needs a number of its own.' in err[0]


def _order_of(variant: Variant) -> Order:
    customer = Customer(
        email="emma@example.com", name="Emma", phone="13812345678", language="en", membership="basic", joined_at=NOON
    )
    order = Order(
        number="W0000001",
        customer=customer,
        state=OrderState.PROCESSING,
        placed_at=NOON,
        recipient="Emma",
        phone="13812345678",
        email="emma@example.com",
        address="1 Harbour Road",
        postal_code="200040",
        shipping_cents=0,
        discount_cents=0,
        total_cents=4_950,
    )
    order.lines = [OrderLine(variant=variant, quantity=1, unit_price_cents=4_950)]
    return order


@pytest.fixture
def sample(url: str) -> Iterator[str]:
    database.migrate(url)
    with database.session_factory(database.connect(url))() as session:
        fill(session, crowd_size=5, crowd_orders_size=10)
        session.commit()
    yield url


def test_an_export_loads_back_without_a_change(sample: str, tmp_path: Path, said: Said) -> None:
    before = contents(sample)
    code, text, _ = said("export")
    path = tmp_path / "export.yml"
    path.write_text(text, encoding="utf-8")
    assert code == 0
    loaded = said("load", "--retire", path)
    assert loaded == (0, "113 option values as they were. 80 products as they were. 8 promotions as they were.\n", "")
    assert contents(sample) == before


def test_an_export_makes_the_same_catalogue_in_an_empty_shop(sample: str, tmp_path: Path, said: Said) -> None:
    path = tmp_path / "export.yml"
    path.write_text(said("export")[1], encoding="utf-8")
    other = f"sqlite:///{tmp_path}/other.db"
    assert catalogue.main(["load", "--url", other, str(path)]) == 0
    assert catalogue.export(other) == catalogue.export(sample)


def test_an_export_of_odd_values_loads_back_too(url: str, write: Write, said: Said) -> None:
    """Names that YAML could take for something else, no options, nobody's rating, a day on which it is back."""
    text = """
products:
- {slug: "1984", category: books, name: ["1984", "yes: no #1"], short: ["null", "2031-05-15", "'"],
   summary: [书, "- a: b"],
   variants: [{sku: "007", price: 0.01, stock: 0, back: 2031-06-01}]}
promotions:
- {code: "100", name: [减, "\\"off\\""], kind: amount, value: 0.5, starts: 2031-05-01, ends: 2031-05-01}
- {code: SHIP, name: [包邮, Free], kind: free_shipping, category: books, starts: 2031-05-01, ends: 2031-05-02}
"""
    assert said("load", write(text=text))[0] == 0
    before = contents(url)
    assert said("load", write(text=said("export")[1]))[1] == "1 product as it was. 2 promotions as they were.\n"
    assert contents(url) == before


def test_an_empty_shop_is_exported_as_such(url: str, write: Write, said: Said) -> None:
    database.migrate(url)
    assert said("load", write(text=said("export")[1]))[:2] == (0, "Nothing is named in it.\n")


def test_the_sample_is_read_by_the_same_reader(sample: str, said: Said) -> None:
    assert read(FILES).mistakes == ()
    expected = "113 option values as they were. 80 products as they were. 8 promotions as they were.\n"
    assert said("load", *FILES)[1] == expected


def test_a_shop_that_is_not_there_cannot_be_exported(said: Said) -> None:
    code, _, err = said("export")
    assert code == 1
    assert "cannot be used" in err


def test_alone_it_prints_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogue.main([]) == 0
    assert "usage: python -m shop.catalogue" in capsys.readouterr().out


def test_every_help_article_that_a_product_may_name_is_written() -> None:
    replies = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))["responses"]
    written = {name.removeprefix("utter_help_") for name in replies if name.startswith("utter_help_")}
    assert written == set(HELP_ARTICLES)


def test_the_example_for_shopkeepers_loads(url: str, write: Write, said: Said) -> None:
    page = (ROOT / "docs/shopkeeping.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    code, out, err = said("load", write(text=example))
    assert (code, err) == (0, "")
    assert out.endswith("4 option values added. 2 products added. 3 promotions added.\n")
    prices = {variant.sku: (variant.price_cents, variant.stock, variant.restock_on) for variant in rows(url, Variant)}
    assert prices == {
        "TRAVEL-MUG-RED-350ML": (8_950, 0, None),
        "TRAVEL-MUG-RED-500ML": (10_950, 30, None),
        "TRAVEL-MUG-BLUE-350ML": (8_950, 30, None),
        "TRAVEL-MUG-BLUE-500ML": (10_950, 0, date(2031, 5, 15)),
        "SOAP-1": (2_500, 120, None),
    }


def test_the_page_for_shopkeepers_names_every_choice() -> None:
    page = " ".join((ROOT / "docs/shopkeeping.md").read_text(encoding="utf-8").split())
    for choices in (HELP_ARTICLES, catalogue_choices("Category"), catalogue_choices("OptionKind")):
        assert ", ".join(choices) in page


def catalogue_choices(name: str) -> list[str]:
    from shop import models

    return [member.value for member in getattr(models, name)]
