"""What the lips do for each sound of speech: targets and how strongly a sound insists on them.

Symbols are IPA; the sets of other synthesisers are spelled out in IPA by `synthesisers`. Apertures follow
the vowel chart (open vowels widest) and the measured order of consonants: labials closed, sibilants nearly,
velars and /h/ take the opening of their neighbours (Cohen & Massaro 1993, table of dominances; Löfqvist &
Gracco 1997 for labials).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lips:
    """Target of one sound.

    Attributes:
        aperture: lip opening, 0 closed to 1 as in a loud "ah".
        jaw: jaw opening, 0 to 1.
        rounding: lips drawn together and forward, 0 to 1 ("oo").
        spreading: corners drawn apart, 0 to 1 ("ee").
        weight: dominance of the target over its neighbours, 0 to 1.
        shut: 1 for lips that touch whatever comes before or after, 0.85 for lower lip on upper teeth.
        vowel: true for sounds that carry loudness and stress.
    """

    aperture: float
    jaw: float
    rounding: float = 0.0
    spreading: float = 0.0
    weight: float = 0.5
    shut: float = 0.0
    vowel: bool = False


def _vowels() -> dict[str, Lips]:
    table = {
        # symbol: aperture, rounding, spreading
        "a": (0.95, 0.0, 0.15),
        "ä": (0.95, 0.0, 0.15),
        "ɑ": (1.0, 0.0, 0.0),
        "æ": (0.9, 0.0, 0.35),
        "ɐ": (0.75, 0.0, 0.05),
        "ɒ": (0.8, 0.35, 0.0),
        "ʌ": (0.7, 0.0, 0.05),
        "ɔ": (0.62, 0.5, 0.0),
        "ɛ": (0.62, 0.0, 0.35),
        "ε": (0.62, 0.0, 0.35),
        "œ": (0.5, 0.55, 0.0),
        "ɜ": (0.5, 0.1, 0.05),
        "ɞ": (0.5, 0.4, 0.0),
        "ə": (0.42, 0.05, 0.05),
        "ɚ": (0.38, 0.25, 0.0),
        "ɘ": (0.4, 0.05, 0.1),
        "e": (0.45, 0.0, 0.5),
        "ɤ": (0.42, 0.0, 0.05),
        "o": (0.4, 0.7, 0.0),
        "ø": (0.32, 0.75, 0.0),
        "ɵ": (0.32, 0.6, 0.0),
        "ɪ": (0.36, 0.0, 0.4),
        "ʏ": (0.26, 0.7, 0.0),
        "ʊ": (0.25, 0.65, 0.0),
        "i": (0.27, 0.0, 0.65),
        "ɨ": (0.3, 0.0, 0.25),
        "ᵻ": (0.33, 0.0, 0.3),
        "ɯ": (0.28, 0.0, 0.1),
        "y": (0.15, 0.95, 0.0),
        "ʉ": (0.18, 0.8, 0.0),
        "u": (0.15, 1.0, 0.0),
    }
    return {
        symbol: Lips(a, a * (1 - 0.25 * r), r, s, weight=0.6 + 0.3 * max(a, r), vowel=True)
        for symbol, (a, r, s) in table.items()
    }


def _consonants() -> dict[str, Lips]:
    groups = {
        "pbmɓ": Lips(0.0, 0.22, 0.0, 0.0, 0.9, shut=1.0),
        "ɸβ": Lips(0.1, 0.22, 0.15, 0.0, 0.8, shut=0.75),
        "fvʋɱ": Lips(0.1, 0.18, 0.0, 0.1, 0.8, shut=0.85),
        "wʍ": Lips(0.1, 0.22, 1.0, 0.0, 0.8, shut=0.45),
        "ɥ": Lips(0.1, 0.2, 0.95, 0.0, 0.8, shut=0.4),
        "szɬɮ": Lips(0.22, 0.08, 0.0, 0.3, 0.75),
        "ɕʑ": Lips(0.25, 0.1, 0.3, 0.2, 0.75),
        "ʃʒʂʐ": Lips(0.28, 0.1, 0.65, 0.0, 0.75),
        "tdnɗʈɖɳ": Lips(0.27, 0.2, 0.0, 0.1, 0.42),
        "lɭɫ": Lips(0.36, 0.32, 0.0, 0.05, 0.35),
        "θð": Lips(0.27, 0.22, 0.0, 0.1, 0.5),
        "ɾr": Lips(0.3, 0.25, 0.0, 0.05, 0.35),
        "ɹɻ": Lips(0.27, 0.22, 0.4, 0.0, 0.45),
        "jçʝʎɲcɟ": Lips(0.27, 0.2, 0.0, 0.4, 0.42),
        "kɡgŋxɣɰ": Lips(0.36, 0.32, 0.0, 0.0, 0.22),
        "qχʁɴʀ": Lips(0.4, 0.36, 0.0, 0.0, 0.22),
        "hɦħʕ": Lips(0.42, 0.36, 0.0, 0.0, 0.1),
        "ʔ": Lips(0.4, 0.35, 0.0, 0.0, 0.05),
    }
    return {symbol: lips for symbols, lips in groups.items() for symbol in symbols}


PHONES: dict[str, Lips] = {**_vowels(), **_consonants()}
PAUSE = ""
VOICELESS_STOPS = frozenset("ptkcqʈ")  # begin with silence that synthesisers book under the sound before


def parse(name: str) -> tuple[str, ...]:
    """Known sounds in an IPA string, in order: "aɪ" -> ("a", "ɪ"), "tʃ" -> ("t", "ʃ"), marks are dropped.

    An empty result means a pause (or a language mark such as "(en)").
    """
    if name.startswith("("):
        return ()
    return tuple(symbol for symbol in name if symbol in PHONES)
