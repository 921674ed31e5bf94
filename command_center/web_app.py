"""The built web app: hashed files kept for a year by browsers, ``index.html`` for every page's address."""

from pathlib import Path

from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

NO_FALL_BACK = ("api", "tiles", "ws", "ogc", "heat", "open311", "metrics", "healthz", "readyz", "assets")
"""First parts of addresses that are no pages: what is not found there is 404."""

_NOT_BUILT = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>万米 Wanmi</title>
<body><h1>网页端尚未构建</h1><p>请运行 <code>./wanmi up</code>，它会构建网页端。</p>
<h1>The web app is not built yet</h1><p>Run <code>./wanmi up</code>, which builds it.</p></body></html>"""


class WebApp(StaticFiles):
    """Files of ``folder``; it may be built or replaced while the server runs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)
        self._index = folder / "index.html"

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path in ("", ".", "index.html"):
            return await self._page(scope)
        try:
            answer = await super().get_response(path, scope)
        except HTTPException as error:
            is_page = path.split("/", 1)[0] not in NO_FALL_BACK and "." not in path.rsplit("/", 1)[-1]
            if error.status_code != 404 or not is_page or scope["method"] not in ("GET", "HEAD"):
                raise
            return await self._page(scope)
        hashed = path.startswith("assets/")
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return answer

    async def _page(self, scope: Scope) -> Response:
        if not self._index.is_file():
            return HTMLResponse(_NOT_BUILT, 503)
        answer = await super().get_response("index.html", scope)
        answer.headers["Cache-Control"] = "no-cache"
        return answer
