"""Web pages that come in place of a file: the one that asks for a confirmation, and the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

_FORMS = ("download-form", "downloadForm")
_LINK = "uc-download-link"
_OWN = (".google.com", ".googleusercontent.com")
_QUOTA = ("quota exceeded", "too many users have viewed or downloaded")
_LONGEST_TITLE = 80


@dataclass
class _Form:
    action: str
    values: dict[str, str] = field(default_factory=dict)


class _Page(HTMLParser):
    """What matters of a page: its title, the form or link that confirms a download, its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.title = ""
        self.words: list[str] = []
        self.form: _Form | None = None
        self.link: str | None = None
        self._within = ""
        self._inside_form = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._within = tag
        if tag == "form":
            self._inside_form = values.get("id") in _FORMS
            if self._inside_form:
                self.form = _Form(values.get("action", ""))
        elif tag == "input" and self._inside_form and self.form and values.get("name"):
            self.form.values[values["name"]] = values.get("value", "")
        elif tag == "a" and (values.get("id") == _LINK or "confirm=" in values.get("href", "")):
            self.link = self.link or values.get("href")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""
        if tag == "form":
            self._inside_form = False

    def handle_data(self, data: str) -> None:
        if self._within == "title":
            self.title += data
        if self._within not in ("script", "style"):
            self.words.append(data)


def confirmed(text: str, address: str) -> str | None:
    """The address of the file behind a page that asks whether to download it unscanned.

    Parameters
    ----------
    text : str
        The page.
    address : str
        Where it came from.

    Returns
    -------
    str or None
        None when this is another kind of page, or one that leads to somebody else's server.
    """
    page = _Page(text)
    action = page.form.action if page.form else page.link
    if not action:
        return None
    try:
        parts = urlsplit(urljoin(address, action))
        if not _same_owner(parts, urlsplit(address)):
            return None
    except ValueError:  # no address at all
        return None
    if page.form:
        query = dict(parse_qsl(parts.query)) | page.form.values
        parts = parts._replace(query=urlencode(query))
    return urlunsplit(parts)


def _same_owner(there: SplitResult, here: SplitResult) -> bool:
    if there.scheme != here.scheme:
        return False
    return there.netloc == here.netloc or f".{there.hostname}".endswith(_OWN)


def known_reason(text: str, address: str) -> str:
    """Why a file is not given, where the page is of a known kind: the second half of a sentence."""
    page = _Page(text)
    words = " ".join(" ".join(page.words).split()).lower()
    if any(sign in words for sign in _QUOTA):
        return "its daily limit of downloads is used up, so its server gives it out again tomorrow"
    if urlsplit(address).hostname == "accounts.google.com":
        return "its server asks to sign in: the file is not public any more"
    return ""


def what_it_says(text: str, address: str) -> str:
    """Why there is a page and no file, as the second half of a sentence."""
    title = " ".join(_Page(text).title.split())[:_LONGEST_TITLE]
    named = f" '{title}'" if title else ""
    return known_reason(text, address) or f"its server sent a web page{named} instead of the file"
