"""Texts that every model is asked after training.

The digest of the rounded answers tells two models apart across machines, where the
last digits of the weights differ by the BLAS kernel. The odd inputs are those on
which a folded model and its pipeline could disagree.
"""

from typing import Final

PLAIN: Final = (
    "Oh yeah, that was soooo cool!",
    "I am happy",
    "I am sad",
    "The food was not good.",
    "The rooms were clean and the staff friendly, but the breakfast was cold and too expensive :(",
    "Not bad at all, I would come again.",
    "@airline you lost my bag AGAIN, thanks a lot &amp; goodbye http://example.com/bag?id=1",
    "I don't think this phone is worth the money",
    "Water boils at 100 degrees.",
    "Where is the train station?",
    "great great great great movie",
    "This is a test!",
)

# The type in full: mypy 1.20 to 2.3 cannot write a literal with half a surrogate pair to its cache.
ODD: Final[tuple[str, ...]] = (
    "",
    " ",
    " \t\r\n ",
    "😀",
    "😀😀😀 🎉",
    "这部电影很好看",
    "Это был отличный фильм",
    "كان الفيلم رائعا",
    "nul\x00 and bell\x07 and escape\x1b[31m good",
    "good\u00a0movie\u00a0night",
    "good\u200dmovie",
    "cafe\u0301 was nai\u0308ve",
    "İSTANBUL IS GREAT",
    "Straße groß GROSS",
    "lone surrogate \ud800 good",
    "\udfff",
    "a" * 10_000,
    "good " * 700,
    "not " * 700,
    "!" * 10_000,
    "not good not bad but never " * 300,
    "a b c d e",
    "' ' ' '' n't 't",
    "&lt;3 &amp;amp; &#x1F600; &#xD800; &bogus;",
    "~good ~~bad",
    ":) :( ;-) :'( <3 D: (: 10:30 http:// @ www.",
    "line\nfeed\u2028separator\x85next",
)
