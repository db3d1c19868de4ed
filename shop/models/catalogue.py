"""The catalogue: products, their variants, the options they come in, and promotions."""

from __future__ import annotations

import enum
from datetime import date

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import relationship

from shop.models.base import Base, choice


class Category(str, enum.Enum):
    ELECTRONICS = "electronics"
    CLOTHES = "clothes"
    SHOES = "shoes"
    HOME = "home"
    KITCHEN = "kitchen"
    BEAUTY = "beauty"
    TOYS = "toys"
    BOOKS = "books"
    SPORT = "sport"
    FOOD = "food"


class OptionKind(str, enum.Enum):
    COLOUR = "colour"
    SIZE = "size"
    CAPACITY = "capacity"
    MATERIAL = "material"
    FLAVOUR = "flavour"
    STYLE = "style"
    MODEL = "model"


class PromotionKind(str, enum.Enum):
    PERCENT = "percent"  # value: per cent off
    AMOUNT = "amount"  # value: cents off
    FREE_SHIPPING = "free_shipping"


class Product(Base):
    __tablename__ = "products"

    id: int = Column(Integer, primary_key=True)
    slug: str = Column(String(60), nullable=False, unique=True)  # the last part of its address on the site
    name_zh: str = Column(String(80), nullable=False)
    name_en: str = Column(String(80), nullable=False)
    short_names: list[str] = Column(JSON, nullable=False, default=list)  # how shoppers call it, both languages
    category: Category = Column(choice(Category), nullable=False, index=True)
    summary_zh: str = Column(String(400), nullable=False)
    summary_en: str = Column(String(400), nullable=False)
    rating: float = Column(Float, nullable=False)  # 1.0 to 5.0; 0.0: nobody has rated it yet
    review_count: int = Column(Integer, nullable=False)
    warranty_months: int = Column(Integer, nullable=False)  # 0: none
    is_returnable: bool = Column(Boolean, nullable=False, default=True)  # food and hygiene goods are not
    help_article: str = Column(String(40), nullable=False)  # which guided steps help when it does not work
    picture: str | None = Column(String(300))  # its address on the web, or a path on the bot's own server
    released_on: date = Column(Date, nullable=False)

    variants: list[Variant] = relationship("Variant", back_populates="product", order_by="Variant.id")


class Variant(Base):
    __tablename__ = "variants"
    __table_args__ = (CheckConstraint("stock >= 0", name="stock_is_not_negative"),)

    id: int = Column(Integer, primary_key=True)
    product_id: int = Column(ForeignKey("products.id"), nullable=False, index=True)
    sku: str = Column(String(40), nullable=False, unique=True)
    options: dict[str, str] = Column(JSON, nullable=False)  # OptionKind value -> OptionValue code
    price_cents: int = Column(Integer, nullable=False)
    stock: int = Column(Integer, nullable=False)
    restock_on: date | None = Column(Date)

    product: Product = relationship("Product", back_populates="variants", lazy="joined", innerjoin=True)


class OptionValue(Base):
    """One value of an option, with its names: {colour, red}: 红色, red, and 红 or "crimson" beside."""

    __tablename__ = "option_values"
    __table_args__ = (UniqueConstraint("kind", "code"),)

    id: int = Column(Integer, primary_key=True)
    kind: OptionKind = Column(choice(OptionKind), nullable=False)
    code: str = Column(String(40), nullable=False)
    name_zh: str = Column(String(40), nullable=False)
    name_en: str = Column(String(40), nullable=False)
    other_names: list[str] = Column(JSON, nullable=False, default=list)


class Promotion(Base):
    __tablename__ = "promotions"

    id: int = Column(Integer, primary_key=True)
    code: str = Column(String(20), nullable=False, unique=True)
    name_zh: str = Column(String(80), nullable=False)
    name_en: str = Column(String(80), nullable=False)
    kind: PromotionKind = Column(choice(PromotionKind), nullable=False)
    value: int = Column(Integer, nullable=False, default=0)
    minimum_cents: int = Column(Integer, nullable=False, default=0)
    category: Category | None = Column(choice(Category))
    starts_on: date = Column(Date, nullable=False)
    ends_on: date = Column(Date, nullable=False)
