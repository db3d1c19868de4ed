"""The catalogue as files that a person reads and writes: read and checked, compared with the shop, written out.

`shop.catalogue` is the command over them; the sample shop is read by the same reader. docs/shopkeeping.md says what
every field means.
"""
