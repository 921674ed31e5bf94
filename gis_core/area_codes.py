"""What the digits of an area code (GB/T 2260 and its continuation for streets and communities) say."""


def area_prefix(code: str) -> str:
    """The digits that all codes inside the area begin with.

    A 6-digit city or province code ends in pairs of zeros that its districts do not share:
    ``310000`` -> ``31``, ``320500`` -> ``3205``; longer codes are their own prefix.
    """
    if len(code) == 6:
        while code.endswith("00") and len(code) > 2:
            code = code[:-2]
    return code
