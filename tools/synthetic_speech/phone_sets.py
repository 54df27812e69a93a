"""The phones of flite's and festival's voices in IPA, as "name IPA" pairs."""

from __future__ import annotations

ENGLISH = (
    "aa ɑ, ae æ, ah ʌ, ao ɔ, aw aʊ, ax ə, axr ɚ, ay aɪ, b b, ch tʃ, d d, dh ð, dx ɾ, eh ɛ, el əl, em m, "
    "en n, er ɜɹ, ey eɪ, f f, g ɡ, hh h, hv h, ih ɪ, iy i, jh dʒ, k k, l l, m m, n n, nx n, ng ŋ, ow "
    "oʊ, oy ɔɪ, p p, r ɹ, s s, sh ʃ, t t, th θ, uh ʊ, uw u, v v, w w, y j, z z, zh ʒ"
)
CZECH = (
    "a a, a: a, b b, c ts, c~ tʃ, ch x, d d, d~ ɟ, dz dz, dz~ dʒ, e ɛ, e: ɛ, f f, g ɡ, h ɦ, i ɪ, i: i, "
    "j j, k k, l l, m m, n n, n* ŋ, n~ ɲ, o o, o: o, p p, r r, r~ rʒ, r~* rʃ, s s, s~ ʃ, t t, t~ c, u "
    "u, u: u, v v, z z, z~ ʒ"
)
FINNISH = (
    "& æ, @ ø, 7 ə, a ɑ, e e, i i, o o, u u, y y, p p, t t, k k, b b, d d, g ɡ, f f, T θ, s s, S ʃ, h "
    "h, v ʋ, m m, n n, N ŋ, l l, L l, r r, j j, w w, D ð, z z, Z ʒ"
)
ITALIAN = (
    "i i, e e, E ɛ, a a, o o, O ɔ, u u, j j, w w, p p, t t, k k, b b, d d, g ɡ, f f, s s, S ʃ, v v, z "
    "z, Z ʒ, ts ts, tS tʃ, dz dz, dZ dʒ, m m, n n, J ɲ, ng ŋ, nf ɱ, l l, L ʎ, r r"
)
RUSSIAN = (
    "ii i, yy ɨ, uu u, ee ɛ, oo o, aa a, a ə, e ɪ, i ɪ, y ɨ, u ʊ, ae ɪ, ay ʌ, ur ʊ, p p, pp p, b b, bb "
    "b, t t, tt t, d d, dd d, k k, kk k, g ɡ, gg ɡ, c ts, ch tɕ, f f, ff f, v v, vv v, s s, ss s, z z, "
    "zz z, sh ʂ, sch ɕ, zh ʐ, h x, hh x, m m, mm m, n n, nn n, l l, ll l, r r, rr r, j j"
)
CATALAN = (
    "ax ə, a a, b b, d d, e e, E ɛ, f f, g ɡ, i i, j j, J ɲ, k k, l l, L ʎ, m m, n n, o o, O ɔ, p p, r "
    "ɾ, rr r, s s, S ʃ, t t, u u, w w, z z, Z ʒ"
)


def spelling(table: str) -> dict[str, str]:
    """Name of a phone to its IPA."""
    return dict(pair.split(" ") for pair in table.split(", "))
