"""The tracker's remarks on a clip as judgements: what each is about, and what helps."""

import re
from collections.abc import Iterable

from mimictalk.judgement import GO, WARN, Judgement

FACES, CUTS, SEEN, MOUTH, FILE = "faces", "cuts", "face in view", "mouth in view", "file"
WELL = {
    FACES: "one person is in the picture",
    CUTS: "the same person throughout",
    SEEN: "the face is seen throughout",
    MOUTH: "the mouth moves",
}
REMARKS: tuple[tuple[str, str, str], ...] = (
    (r"\d+ faces are in the picture", FACES, "Film one person alone, or crop the others away."),
    (r"there is a cut", CUTS, "Use one uncut shot of one person."),
    (r"no face is seen", SEEN, "Keep the whole face in the picture, or cut these seconds out."),
    (r"the picture is frozen", SEEN, "Cut the frozen seconds out."),
    (r"the mouth hardly moves", MOUTH, "Keep hands and microphone away from the mouth, and talk."),
)
MEASURED = (r"the face is small", r"the face is very dark")  # `picture_check` says these with numbers
ELSE = "It is used as it is; export the clip again if this was not meant."


def judge_remarks(remarks: Iterable[str]) -> list[Judgement]:
    """One judgement for each remark, and one for each kind of trouble that there is not."""
    found = []
    for remark in remarks:
        if any(re.match(pattern, remark) for pattern in MEASURED):
            continue
        about, cure = next(
            ((check, cure) for pattern, check, cure in REMARKS if re.match(pattern, remark)), (FILE, ELSE)
        )
        found.append(Judgement(about, WARN, remark, cure))
    told = {one.check for one in found}
    return [Judgement(check, GO, words) for check, words in WELL.items() if check not in told] + found
