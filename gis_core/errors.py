"""Errors people may see: one base, a text in Chinese and English, RFC 9457 members."""

from typing import Any, ClassVar, NamedTuple


class Text(NamedTuple):
    """A text in the two languages of the interface; ``{name}`` places are filled by ``format``, by a value
    that is a text itself in each language its own."""

    zh: str
    en: str

    def format(self, **members: object) -> "Text":
        zh = {name: one.zh if isinstance(one, Text) else one for name, one in members.items()}
        en = {name: one.en if isinstance(one, Text) else one for name, one in members.items()}
        return Text(self.zh.format(**zh), self.en.format(**en))

    def in_language(self, language: str) -> str:
        """The Chinese text unless ``language`` (a BCP 47 tag) begins with ``en``."""
        return self.en if language.lower().startswith("en") else self.zh


class DomainError(Exception):
    """Base of every error with a meaning for the caller.

    A subclass sets ``status`` (HTTP), ``slug`` (stable key, also the problem type), ``title`` and
    ``detail``. ``members`` fill the places in ``detail`` and become problem+json extension members,
    so name the field and the allowed values there.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[Text] = Text("内部错误", "Internal error")
    detail: ClassVar[Text] = Text(
        "系统出了错，已记录，请稍后再试。", "Something went wrong; it was recorded. Try again later."
    )

    def __init__(self, **members: Any) -> None:
        self.members = members
        self.text = self.detail.format(**members)
        super().__init__(self.text.en)

    def problem(self, language: str, instance: str) -> dict[str, Any]:
        """The RFC 9457 body in ``language``."""
        return {
            **{
                name: one.in_language(language) if isinstance(one, Text) else one
                for name, one in self.members.items()
            },
            "type": f"/problems/{self.slug}",
            "title": self.title.in_language(language),
            "status": self.status,
            "detail": self.text.in_language(language),
            "instance": instance,
        }


def title_of(slug: str) -> Text:
    """The title of the error with this slug; of the internal one where none has it."""
    left = [DomainError]
    while left:
        kind = left.pop()
        if kind.slug == slug and "slug" in vars(kind):
            return kind.title
        left += kind.__subclasses__()
    return DomainError.title


class NotFound(DomainError):
    status, slug = 404, "not-found"
    title = Text("没有找到", "Not found")
    detail = Text("没有编号为 {key} 的{kind_zh}。", "There is no {kind} {key}.")


class NotLoggedIn(DomainError):
    status, slug = 401, "not-logged-in"
    title = Text("请先登录", "Log in first")
    detail = Text(
        "没有有效的登录会话或令牌，请登录后再试。",
        "No valid session or bearer token came with the request; log in and try again.",
    )


class NotAllowed(DomainError):
    status, slug = 403, "not-allowed"
    title = Text("没有权限", "Not allowed")
    detail = Text(
        "此操作需要权限“{permission}”，请联系管理员授权。",
        "This needs the permission '{permission}'; ask an administrator to grant it.",
    )


class OutOfScope(DomainError):
    status, slug = 403, "out-of-scope"
    title = Text("不在管辖范围", "Outside your area")
    detail = Text("您的权限不包含区域 {area_code}。", "Your grant does not cover area {area_code}.")


class BadInput(DomainError):
    status, slug = 422, "bad-input"
    title = Text("输入有误", "Bad input")
    detail = Text("{field}：{reason_zh}", "{field}: {reason}")
