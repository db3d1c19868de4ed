"""How large the inputs of multilingual-e5-small's products become, layer by layer: what 8 bits have to hold.

Measured on 2,526 texts of two to 510 subwords, Chinese, English and ten other languages, in full precision, with two
per cent to spare. They hardly depend on the text: the marks at its ends are driven to the same few values each time
(the largest of 2,500 maxima is rarely a tenth above their median). So they are constants, and a text's vectors do not
depend on its neighbours in a batch, as they would if each batch were scaled by the largest value in it.

INPUT is what a layer gets, CONTEXT what its attention found; OUTER and INNER are the inputs of its two wide products,
divided by the spreads that `e5` computes from the weights.
"""

from __future__ import annotations

Ranges = tuple[tuple[float, float], ...]
INPUT: Ranges = (
    (-3.78, 4.07),
    (-4.02, 5.67),
    (-4.02, 6.19),
    (-3.9, 6.52),
    (-3.41, 5.49),
    (-3.79, 4.43),
)
CONTEXT: Ranges = (
    (-1.3, 2.04),
    (-2.2, 1.99),
    (-1.77, 2.36),
    (-2.21, 1.76),
    (-2.24, 2.09),
    (-1.78, 1.57),
)
OUTER: Ranges = (
    (-8.27, 7.91),
    (-7.39, 10.88),
    (-6.05, 9.78),
    (-5.32, 9.55),
    (-4.23, 8.75),
    (-3.89, 9.6),
)
INNER: Ranges = (
    (-0.51, 11.19),
    (-0.41, 8.17),
    (-0.36, 15.07),
    (-0.37, 8.74),
    (-0.34, 13.55),
    (-0.41, 11.85),
)
