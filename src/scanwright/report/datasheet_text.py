"""A datasheet as Markdown, or as one HTML page that opens offline. Every text in it is escaped: a name stays a name."""

import html
from collections.abc import Callable, Sequence

from scanwright.report.card import escape_markdown
from scanwright.report.datasheet import FILE_NAME, Datasheet, Item

INTRODUCTION = (
    "A datasheet after Gebru et al. 2021. What the files say was measured by Scanwright; what only people know is taken "
    f"from {FILE_NAME} beside the data, under the keys shown."
)
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b2430;background:#fff}"
    "h2{border-bottom:1px solid #dfe4ea;margin-top:2.2rem}h3{font-size:1rem;margin:1.2rem 0 .2rem}p{margin:.2rem 0}"
    "table{border-collapse:collapse;font-size:.92rem}th,td{text-align:left;padding:.2rem .9rem .2rem 0;border-bottom:1px solid "
    "#dfe4ea;vertical-align:top}.open{border-left:4px solid #d55e00;padding:.1rem .6rem;background:#fff4ec}"
    "code{overflow-wrap:anywhere}small{color:#5a6675}div{overflow-x:auto}"
)


def datasheet_markdown(sheet: Datasheet) -> str:
    """The card as Markdown. An open question is a quoted line in bold type with its key."""
    text = escape_markdown
    lines = [f"# {text(sheet.name)}: data set card", "", INTRODUCTION, "", f"Version: `{sheet.digest}`", ""]
    for title, items in sheet.sections:
        lines += [f"## {title}", ""]
        for item in items:
            lines += [f"**{text(item.question)}**", "", *_markdown_answer(item), ""]
    return "\n".join(lines)


def _markdown_answer(item: Item) -> list[str]:
    if item.is_open:
        return [f"> **To be answered** (`{item.key}`)"]
    paragraphs = [escape_markdown(part) for part in item.answer.split("\n") if part.strip()]
    told = ["", f"*({escape_markdown(item.source)})*"] if item.source else []
    table: list[str] = []
    if item.rows:
        head, *body = [[escape_markdown(cell) or " " for cell in row] for row in item.rows]
        table = [_row(head), _row(["---"] * len(head)), *map(_row, body)]
    return (
        ["\n\n".join(paragraphs), *([""] if paragraphs and table else []), *table, *told]
        if paragraphs or told
        else table
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def datasheet_html(sheet: Datasheet) -> str:
    """The card as one page. An open question is set apart by colour and words."""
    text: Callable[[str], str] = html.escape
    title = text(f"{sheet.name}: data set card")
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style></head><body>',
        f"<h1>{title}</h1>\n<p>{text(INTRODUCTION)}</p>\n<p>Version: <code>{text(sheet.digest)}</code></p>",
    ]
    for heading, items in sheet.sections:
        parts.append(f"<h2>{text(heading)}</h2>")
        parts += [f"<h3>{text(item.question)}</h3>\n{_html_answer(item)}" for item in items]
    return "\n".join([*parts, "</body></html>", ""])


def _html_answer(item: Item) -> str:
    if item.is_open:
        return f'<p class="open"><strong>To be answered</strong> (<code>{html.escape(item.key)}</code>)</p>'
    parts = [f"<p>{html.escape(part)}</p>" for part in item.answer.split("\n") if part.strip()]
    if item.rows:
        head, *body = [[html.escape(cell) for cell in row] for row in item.rows]
        lines = [f"<tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>"]
        lines += [f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body]
        parts.append(f"<div><table>{''.join(lines)}</table></div>")
    return "\n".join([*parts, *([f"<p><small>{html.escape(item.source)}</small></p>"] if item.source else [])])
