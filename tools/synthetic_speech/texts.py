"""Something to say: sentences of common words and of made-up words, in the spelling of each language."""

from __future__ import annotations

import numpy as np

WORDS = {
    "en": (
        "the of and to in is you that it he was for on are with as his they be at one have this from or had "
        "by hot but some what there we can out other were all your when up use word how said an each she "
        "which do their time if will way about many then them would write like so these her long make thing "
        "see him two has look more day could go come did my sound no most number who over know water than "
        "call first people may down side been now find bumpy problem morning simple window maybe family "
        "bubble purple movie probably mother brown above beautiful report music important company everybody "
        "improve paper humble market remember weather very over five above value voice move"
    ),
    "de": (
        "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden "
        "aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum haben nur oder "
        "aber vor zur bis mehr durch man sein wurde sei Prozent hatte kann gegen vom können schon wenn habe "
        "seine Mark ihre dann unter wir soll ich eines Jahr zwei Jahren diese dieser wieder keine Uhr "
        "seiner worden will zwischen immer Millionen was sagte Bundespolitik möglich Abend schöne Bäume "
        "frühe größte Wetter morgen überall Probleme Familie bauen Pumpe"
    ),
    "fr": (
        "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec "
        "ou son cette mais comme on tout nous sa fait été aussi leur bien peut ces deux même très avoir "
        "encore temps monde peuple bonjour beaucoup problème famille maman papa beau bleu jour toujours "
        "pouvoir république français avons vous voir moment important ensemble depuis premier public emploi "
        "partout vraiment"
    ),
    "es": (
        "de la que el en y a los del se las por un para con no una su al lo como más pero sus le ya o este "
        "sí porque esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante "
        "todos uno les ni contra otros pueblo bueno problema familia mundo tiempo trabajo palabra mañana "
        "siempre hombre vivir primero"
    ),
    "it": (
        "di che la il un a per è in una mi sono ho non ma lo ha le si ti con cosa se come da ci no questo "
        "qui bene tu sei del me mio al solo te fatto tutto era ancora più quando della mamma papà problema "
        "famiglia mondo tempo lavoro parola sempre uomo vivere primo bambino bello buono pubblico sapere "
        "numero piccolo amico cibo bomba"
    ),
    "cs": (
        "a je se na že v to s z do o jsem jako ale za by si tak co po jeho jen které podle jak bylo kde má "
        "bude být už první možná problém rodina máma táta bota pes město voda počasí dobrý velký malý "
        "mluvit vidět bílý poprvé příběh básník zima léto práce obraz slovo doma nebo"
    ),
    "fi": (
        "ja on ei se että hän oli ovat mutta niin kun myös kuin mitä tämä olla minä sinä me he voi nyt jo "
        "vain ollut maa kaupunki ihminen perhe äiti isä koti päivä aamu ilta hyvä pieni suuri puhua nähdä "
        "vesi ilma työ sana maailma poika tyttö yö öljy pöytä syödä juoda"
    ),
    "ru": (
        "и в не на я быть он с что а по это она этот к но они мы весь который из у который то за свой что "
        "весь год от так о для ты же все тот мочь вы человек такой его сказать только или ещё бы себя один "
        "как уже до время если сам когда другой вот говорить наш мой знать стать при чтобы дело жизнь кто "
        "первый очень два день её новый рука даже мама папа"
    ),
    "ca": (
        "de la i que el en a les els per un amb una no es del al com més són va han seva aquest però també "
        "ha ser molt poble família món temps treball paraula sempre home viure primer bo problema mare pare "
        "casa bonic bufar pobre"
    ),
}
LETTERS = "b p m f v d t n s l r k g z"
CLUSTERS = "pr br pl bl tr dr st sp sk sm fl fr gr kr"


def sentence(language: str, random: np.random.Generator) -> str:
    """4 to 14 words with commas and an end mark; one word in three is made up, so that every sound meets
    every other.

    Languages without a word list get made-up words only (their letters are read by the rules of the
    language).
    """
    words = WORDS.get(language, "").split()
    out = []
    for i in range(int(random.integers(4, 15))):
        known = bool(words) and random.random() < 0.67
        word = str(random.choice(words)) if known else _made_up(language, random)
        out.append(word + ("," if random.random() < 0.12 and i else ""))
    return " ".join(out) + str(random.choice([".", ".", "?", "!"]))


def _made_up(language: str, random: np.random.Generator) -> str:
    cyrillic = language == "ru"
    vowels = (
        "а о у э и ы я"
        if cyrillic
        else "a e i o u"
        if language in ("it", "es", "id", "ca")
        else "a e i o u a ee oo"
    )
    onsets = "б п м ф в д т н с л р к г з ш" if cyrillic else LETTERS + " " + CLUSTERS
    parts = []
    for _ in range(int(random.integers(1, 4))):
        parts += [str(random.choice(onsets.split())), str(random.choice(vowels.split()))]
    if random.random() < 0.4:
        parts.append(
            str(
                random.choice(
                    ["м", "п", "т", "н", "с", "л"] if cyrillic else ["m", "p", "t", "n", "s", "l", "b", "f"]
                )
            )
        )
    return "".join(parts)
