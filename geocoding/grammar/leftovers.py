"""What is said after the last place of an address without being understood: 来福士 of 人民广场来福士."""

from geocoding.grammar.elements import Reading

SHORTEST = 2
_REST = frozenset(("rest", "point", "estate", "village", "locality", "part", "joiner"))


def rest_told(reading: Reading) -> str:
    """The words, from two characters on; empty after numbers, crossings and stretches, and where they are the
    name of a shop that the reading knows as such."""
    if not reading.bases or reading.number is not None or reading.crossing or reading.stretch:
        return ""
    elements = reading.elements
    at = next((i for i in reversed(range(len(elements))) if elements[i].text == reading.bases[-1]), -1)
    if at < 0:
        return ""
    start = end = elements[at].end
    for element in elements[at + 1 :]:
        if element.kind == "mark" and start == end:
            start = end = element.end
            continue
        if element.kind not in _REST or (element.kind == "joiner" and not element.text.isalpha()):
            break
        end = element.end
    rest = reading.canonical[start:end]
    return rest if len(rest) >= SHORTEST and rest != reading.point else ""
