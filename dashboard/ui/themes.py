"""The two sets of colours; `:` theme offers those of Textual too."""

from textual.theme import Theme

DARK = Theme(
    name="switchyard-dark",
    primary="#7aa2c8",
    accent="#7fb4c4",
    success="#8db580",
    warning="#d9b36c",
    error="#d9776c",
    foreground="#d4d7dc",
    background="#15181d",
    surface="#1b1f25",
    panel="#20252c",
    dark=True,
)
LIGHT = Theme(
    name="switchyard-light",
    primary="#2f5f8a",
    accent="#1f6f82",
    success="#3d6f2e",
    warning="#8a5a00",
    error="#a8321f",
    foreground="#22262b",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#e8e6df",
    dark=False,
)
