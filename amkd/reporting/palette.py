"""The colours of all pages and drawings, for light and for dark screens."""

from collections.abc import Mapping

_CURVES = {
    "light": (
        *("#1d4ed8", "#b45309", "#047857", "#be185d"),
        *("#6d28d9", "#0e7490", "#4d7c0f", "#b91c1c"),
    ),
    "dark": (
        *("#7aa7ff", "#fbbf24", "#34d399", "#f472b6"),
        *("#c4b5fd", "#22d3ee", "#a3e635", "#f87171"),
    ),
}
CURVES = len(_CURVES["light"])


def _scheme(name: str, **colours: str) -> Mapping[str, str]:
    return colours | {f"curve-{number}": value for number, value in enumerate(_CURVES[name])}


# Text is ink or soft, on paper or a card. The accent is the colour of areas, as red, green, blue.
SCHEMES = {
    "light": _scheme(
        "light",
        ink="#1b1f24",
        soft="#5b6570",
        line="#d9dee3",
        paper="#ffffff",
        card="#f5f7f9",
        accent="37, 99, 235",
    ),
    "dark": _scheme(
        "dark",
        ink="#e6e9ec",
        soft="#9aa4ae",
        line="#343b43",
        paper="#15181c",
        card="#1e2329",
        accent="96, 150, 255",
    ),
}
STRONGEST = 0.45  # opacity of the accent behind text: more would make the text hard to read


def variables() -> str:
    """Returns the colours as CSS variables that follow the reader's preference."""
    light, dark = (
        " ".join(f"--{name}: {value};" for name, value in SCHEMES[scheme].items())
        for scheme in ("light", "dark")
    )
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    )


def curve(number: int) -> str:
    """Returns the colour of a curve as CSS; after the last colour, the first one follows again."""
    return f"var(--curve-{number % CURVES})"
