"""The 16-digit identification code 标识码 of a component: reading it and issuing new ones.

CJ/T 214-2007 and GB/T 30428.2-2013: district 6 + class 2 + subclass 2 + sequence 6. The draft revision
takes three digits for the subclass and five for the sequence; the length of the class code tells.
"""

import re
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from gis_core.errors import DomainError, Text

_SQL = load_queries("gis_core.components")
DIGITS = 16


class CodeForm(DomainError):
    status, slug = 422, "component-code-form"
    title = Text("部件标识码不合规", "Component code not well formed")
    detail = Text(
        "部件标识码 {code} 不合规：{reason_zh}。", "The component code {code} is not well formed: {reason}."
    )


class CodesExhausted(DomainError):
    status, slug = 409, "component-codes-exhausted"
    title = Text("部件标识码已用尽", "Component codes used up")
    detail = Text(
        "区县和小类 {prefix} 的顺序号已用尽，不能再编新码。",
        "All sequence numbers under district and class {prefix} have been given out.",
    )


@dataclass(frozen=True, slots=True)
class ComponentCode:
    """``class_code``: class and subclass, four digits, five in the draft edition."""

    district: str
    class_code: str
    sequence: int

    @property
    def prefix(self) -> str:
        return self.district + self.class_code

    def __str__(self) -> str:
        return f"{self.prefix}{self.sequence:0{DIGITS - len(self.prefix)}d}"

    @classmethod
    def parse(cls, text: str, *, class_digits: int = 4) -> "ComponentCode":
        """Raises CodeForm, which says which part is wrong."""
        if not re.fullmatch(r"[0-9]{16}", text):
            raise CodeForm(
                code=text[:32],
                reason_zh=f"应为 16 位数字，实有 {len(text)} 个字符",
                reason=f"16 digits are needed, these are {len(text)} characters",
            )
        at = 6 + class_digits
        found = cls(text[:6], text[6:at], int(text[at:]))
        if text[:2] == "00" or text[:6].endswith("00"):
            raise CodeForm(
                code=text,
                reason_zh=f"前 6 位 {text[:6]} 不是区县代码",
                reason=f"the first six digits {text[:6]} are not a district's",
            )
        if found.class_code[:2] == "00" or not found.class_code[2:].strip("0"):
            raise CodeForm(
                code=text,
                reason_zh=f"大类小类 {found.class_code} 不能为零",
                reason=f"class and subclass {found.class_code} must not be zero",
            )
        if not found.sequence:
            raise CodeForm(code=text, reason_zh="顺序号不能为零", reason="the sequence must not be zero")
        return found

    def check(self, *, district: str, class_code: str) -> None:
        """Raises CodeForm when the code belongs to another district or class."""
        if self.district != district:
            raise CodeForm(
                code=str(self),
                reason_zh=f"区县 {self.district} 与位置所在区县 {district} 不符",
                reason=f"its district {self.district} is not {district}, where the component stands",
            )
        if self.class_code != class_code:
            raise CodeForm(
                code=str(self),
                reason_zh=f"小类 {self.class_code} 与部件小类 {class_code} 不符",
                reason=f"its class {self.class_code} is not {class_code}, the component's",
            )


async def issue_codes(conn: AsyncConnection, district: str, class_code: str, number: int = 1) -> list[str]:
    """New codes that were never given before and never will be again, whoever else asks meanwhile.

    Others asking for the same district and class wait for this transaction's end. Raises CodesExhausted.
    """
    prefix = district + class_code
    try:
        async with conn.begin_nested():
            first = int(await conn.scalar(_SQL["take_codes"], {"prefix": prefix, "number": number}) or 0)
    except IntegrityError as error:
        raise CodesExhausted(prefix=prefix) from error
    return [str(ComponentCode(district, class_code, at)) for at in range(first, first + number)]
