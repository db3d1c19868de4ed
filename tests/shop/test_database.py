"""The shop's database: connections, transactions that write, and a schema that its models agree with."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import date, datetime, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.orm import Session

from shop import database
from shop.models import Address, Base, Category, Customer, OptionKind, OptionValue, Product, Rating, Variant


@pytest.fixture()
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/shop.db"


@pytest.fixture()
def migrated(url: str) -> str:
    database.migrate(url)
    return url


def someone(email: str = "li.na@example.com") -> Customer:
    joined_at = datetime(2024, 5, 1, 8, tzinfo=timezone.utc)
    return Customer(name="李娜", email=email, phone="13800000000", language="zh", joined_at=joined_at)


def test_models_and_migration_agree(migrated: str) -> None:
    with database.connect(migrated).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_the_migration_names_every_constraint_as_the_models_do(migrated: str, tmp_path: Path) -> None:
    modelled = f"sqlite:///{tmp_path}/modelled.db"
    engine = database._engine(modelled, may_create=True)
    Base.metadata.create_all(engine)
    asked = "SELECT name FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND name NOT LIKE 'sqlite%' ORDER BY name"
    inspector, expected = inspect(database.connect(migrated)), inspect(engine)
    with database.connect(migrated).connect() as ours, engine.connect() as theirs:
        assert ours.execute(text(asked)).all() == theirs.execute(text(asked)).all()
    for table in expected.get_table_names():
        for reflect in ("get_unique_constraints", "get_check_constraints", "get_foreign_keys"):
            found, wanted = getattr(inspector, reflect)(table), getattr(expected, reflect)(table)
            assert sorted(item["name"] for item in found) == sorted(item["name"] for item in wanted), (table, reflect)


def test_migrating_twice_changes_nothing(migrated: str) -> None:
    with database.connect(migrated).begin() as connection:
        connection.execute(insert(Rating), [{"conversation": "a", "score": 5, "at": datetime.now(timezone.utc)}])
    database.migrate(migrated)
    with database.connect(migrated).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM ratings")).scalar_one() == 1


def test_migrate_works_from_any_folder_and_makes_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHOP_DATABASE_URL", raising=False)
    database.migrate()
    assert (tmp_path / "var" / "shop.db").exists()


def test_a_missing_file_is_not_created(url: str, tmp_path: Path) -> None:
    with pytest.raises(OperationalError):
        database.connect(url).connect()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_moved_away_is_missed_and_one_put_back_is_read(migrated: str, tmp_path: Path) -> None:
    """A connection is kept open between two sessions, but never to a file that is no longer the shop's."""
    path = Path(database.make_url(migrated).database or "")
    backup = tmp_path / "backup.db"
    engine = database.connect(migrated)
    sessions = database.session_factory(engine)
    with sqlite3.connect(path) as now, sqlite3.connect(backup) as kept:
        now.backup(kept)
    with sessions() as session:
        session.add(someone())
        session.commit()
    engine.dispose()
    with sessions() as session:
        assert session.query(Customer).count() == 1
    for file in path.parent.glob(f"{path.name}*"):
        file.rename(tmp_path / f"away-{file.name}")
    with sessions() as session, pytest.raises(OperationalError):
        session.query(Customer).count()
    backup.rename(path)
    with sessions() as session:
        assert session.query(Customer).count() == 0


def test_a_path_with_odd_characters_is_one_path(tmp_path: Path) -> None:
    odd = f"sqlite:///{tmp_path}/a b%20#.db"
    database.migrate(odd)
    assert (tmp_path / "a b%20#.db").exists()


def test_the_url_comes_from_the_environment_or_is_a_file_in_var(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", "sqlite:////elsewhere/shop.db")
    assert database.url() == "sqlite:////elsewhere/shop.db"
    monkeypatch.setenv("SHOP_DATABASE_URL", "")
    assert database.url() == "sqlite:///var/shop.db"


def test_importing_the_database_makes_nothing(tmp_path: Path) -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import shop.database"
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(root)], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []


def test_a_shop_is_filled_once_it_has_customers(url: str) -> None:
    assert not database.is_filled(url)
    database.migrate(url)
    assert not database.is_filled(url)
    with database.session_factory(database.connect(url))() as session:
        session.add(someone())
        session.commit()
    assert database.is_filled(url)


def test_sqlite_keeps_foreign_keys_and_lets_readers_work_beside_a_writer(migrated: str) -> None:
    sessions = database.session_factory(database.connect(migrated))
    with sessions() as session:
        session.add(Address(customer_id=99, line="somewhere", postal_code="100000"))
        with pytest.raises(IntegrityError):
            session.flush()
    with sessions() as writer, sessions() as reader:
        database.begin_change(writer)
        writer.add(someone())
        writer.flush()
        assert reader.query(Customer).count() == 0


def test_only_one_change_runs_at_a_time(migrated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.05)
    sessions = database.session_factory(database.connect(migrated))
    with sessions() as first, sessions() as second:
        database.begin_change(first)
        with pytest.raises(OperationalError, match="locked"):
            database.begin_change(second)
        first.commit()
        second.rollback()
        database.begin_change(second)


def test_a_change_sees_what_was_committed_after_an_earlier_read(migrated: str) -> None:
    sessions = database.session_factory(database.connect(migrated))
    with sessions() as session, sessions() as other:
        assert session.query(Customer).count() == 0
        other.add(someone())
        other.commit()
        assert session.query(Customer).count() == 0
        database.begin_change(session)
        assert session.query(Customer).count() == 1


def test_a_change_does_not_begin_over_unwritten_changes(migrated: str) -> None:
    with database.session_factory(database.connect(migrated))() as session:
        session.add(someone())
        with pytest.raises(RuntimeError):
            database.begin_change(session)


def test_a_moment_comes_back_with_its_time_zone_and_needs_one(migrated: str) -> None:
    sessions = database.session_factory(database.connect(migrated))
    with sessions() as session:
        session.add(someone())
        session.commit()
    with sessions() as session:
        assert session.query(Customer).one().joined_at == datetime(2024, 5, 1, 8, tzinfo=timezone.utc)
        session.add(Rating(conversation="a", score=3, at=datetime(2024, 5, 1)))
        with pytest.raises(StatementError, match="time zone"):
            session.flush()


def test_a_shelf_cannot_hold_less_than_nothing(migrated: str) -> None:
    with database.session_factory(database.connect(migrated))() as session:
        product = Product(
            slug="cup",
            name_zh="杯子",
            name_en="Cup",
            category=Category.KITCHEN,
            summary_zh="",
            summary_en="",
            rating=5.0,
            review_count=0,
            warranty_months=0,
            help_article="general",
            released_on=date(2024, 1, 1),
        )
        product.variants = [Variant(sku="CUP", options={}, price_cents=100, stock=-1)]
        session.add(product)
        with pytest.raises(IntegrityError, match="stock_is_not_negative"):
            session.flush()


def test_names_are_stored_as_people_read_them(migrated: str) -> None:
    with database.session_factory(database.connect(migrated))() as session:
        session.add(
            OptionValue(kind=OptionKind.COLOUR, code="red", name_zh="红色", name_en="red", other_names=["大红"])
        )
        session.flush()
        assert session.execute(text("SELECT other_names FROM option_values")).scalar_one() == '["大红"]'


def test_what_is_read_once_a_transaction_is_read_anew_in_the_next(migrated: str) -> None:
    reads = []

    @database.once_a_transaction
    def ratings(session: Session) -> int:
        reads.append(session)
        return int(session.execute(text("SELECT count(*) FROM ratings")).scalar_one())

    sessions = database.session_factory(database.connect(migrated))
    with sessions() as session, sessions() as other:
        assert [ratings(session), ratings(session)] == [0, 0]
        with database.connect(migrated).begin() as connection:
            connection.execute(insert(Rating), [{"conversation": "a", "score": 5, "at": datetime.now(timezone.utc)}])
        assert ratings(other) == 1
        assert ratings(session) == 0
        database.begin_change(session)
        assert ratings(session) == 1
    assert len(reads) == 3
