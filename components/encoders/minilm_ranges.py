"""How large the inputs of all-MiniLM-L6-v2's products become, layer by layer: what 8 bits have to hold.

Measured on 2,744 English texts of two to 512 subwords (600 from each of four benchmarks' training data, some of them
joined into longer ones, in capitals or cut to a word, and a few of signs and numbers), in full precision, with two per
cent to spare. The largest maximum of a layer's input is hardly above their median: the mark that begins a text is
driven to the same few values each time. So they are constants, and a text's vectors do not depend on its neighbours.

INPUT is what a layer gets, CONTEXT what its attention found; OUTER and INNER are the inputs of its two wide products.
All but CONTEXT are divided by spreads: those of INPUT and OUTER are here, as the channels that become louder than the
rest, and by how many times; those of INNER `bert` judges from the weights. Even so a channel or two of a layer's INNER
grows up to four times as large as any other, where the next product has its largest weights: those of FULL stay out of
the 8 bits.
"""

from __future__ import annotations

Ranges = tuple[tuple[float, float], ...]
Loud = tuple[dict[int, float], ...]
INPUT: Ranges = (
    (-2.97, 3.0),
    (-4.11, 3.94),
    (-4.34, 4.17),
    (-4.52, 4.63),
    (-5.32, 5.12),
    (-5.08, 4.95),
)
CONTEXT: Ranges = (
    (-3.33, 2.78),
    (-3.24, 3.14),
    (-2.81, 3.14),
    (-3.11, 3.02),
    (-3.56, 3.02),
    (-4.38, 4.11),
)
OUTER: Ranges = (
    (-4.08, 3.95),
    (-4.47, 4.43),
    (-4.71, 4.7),
    (-4.48, 4.53),
    (-4.21, 4.33),
    (-3.79, 3.9),
)
INNER: Ranges = (
    (-0.39, 5.06),
    (-0.35, 4.56),
    (-0.35, 5.98),
    (-0.32, 4.95),
    (-0.29, 4.5),
    (-0.27, 5.87),
)
LOUD_INPUT: Loud = (
    {63: 2.19, 99: 2.26, 102: 1.07, 141: 1.05, 157: 1.42, 338: 1.08},
    {63: 1.48, 94: 1.19, 99: 2.12, 157: 2.0, 238: 1.08, 246: 1.06, 338: 1.34, 363: 1.09},
    {63: 1.59, 94: 1.2, 99: 1.97, 157: 1.63, 223: 1.36, 245: 1.07, 297: 1.11, 338: 1.23, 363: 1.08},
    {63: 1.53, 94: 1.23, 99: 2.23, 145: 1.09, 157: 1.58, 223: 1.17, 288: 1.08, 297: 1.17, 338: 1.26, 363: 1.11},
    {63: 1.28, 94: 1.05, 99: 2.11, 157: 1.64, 163: 1.08, 223: 1.13, 288: 1.06, 297: 1.07, 338: 1.27, 363: 1.09},
    {28: 1.11, 99: 2.08, 157: 1.53, 223: 1.11, 288: 1.11, 338: 1.29, 363: 1.07, 383: 1.06},
)
LOUD_OUTER: Loud = (
    {63: 3.04, 94: 1.21, 99: 7.49, 157: 1.76, 246: 1.27, 267: 2.03, 303: 1.8, 338: 1.25, 347: 1.17, 359: 1.11},
    {
        63: 2.08,
        94: 1.13,
        99: 7.1,
        157: 1.99,
        223: 2.01,
        238: 1.09,
        245: 1.05,
        267: 1.88,
        303: 1.09,
        338: 1.46,
        347: 1.18,
    },
    {63: 1.84, 94: 1.11, 99: 6.24, 157: 1.78, 163: 1.06, 223: 3.48, 267: 1.1, 297: 1.09, 338: 1.46, 347: 1.1},
    {63: 2.47, 94: 1.11, 99: 6.87, 157: 1.76, 163: 1.07, 223: 4.21, 297: 1.12, 338: 1.44, 363: 1.16},
    {
        28: 1.2,
        63: 2.28,
        99: 5.35,
        127: 3.51,
        157: 1.77,
        163: 1.09,
        223: 3.8,
        319: 1.16,
        338: 1.27,
        363: 1.19,
        383: 1.09,
    },
    {
        28: 1.19,
        62: 1.2,
        63: 1.35,
        99: 3.72,
        127: 2.19,
        157: 1.29,
        223: 3.48,
        249: 1.33,
        288: 1.18,
        319: 2.42,
        341: 1.31,
    },
)
FULL: tuple[tuple[int, int], ...] = (
    (351, 856),
    (449, 607),
    (218, 1004),
    (358, 1057),
    (769, 1257),
    (923, 1297),
)
