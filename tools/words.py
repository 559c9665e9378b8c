"""The language rule of docs/style.md, checked: banned constructions, and how easy pages are to read.

`python -m tools.words` prints each place that breaks the rule and the readability of each page. tests/words/ runs it over
pages, help, messages, rule texts, schemas, verdicts and the files of `vmgen init`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BANNED = {
    r"\bwhoever\b": "name the person: 'anyone who', 'the reviewer'",
    r"\bwhatever\b|\bwhence\b": "name the thing",
    r"\banew\b": "'again', or a verb with re-: 'recreate', 'regenerate'",
    r"\bmend(s|ed|ing)?\b": "'fix'",
    r"\bwhat "
    r"(is|are|was|were|stands|lies|goes|follows|differs|changed|comes out)\b(?![^.;:|]*\?)": "a noun: 'the committed files'",
    r"(?:^|[.;:] )What (?!is new)[^?.;:|]*[.;:|]": "a noun as the subject, or an instruction",
    r"\b(says?|said|saying|say)\b": "the exact verb: 'sets', 'names', 'states', 'reports', 'shows'",
    r"\b(is|are|was|be) told\b": "'gets', 'receives'",
    r"\b(it|that|which|files?|disks?|keys?|manifests?|line|value|objects?|who|name)\s(stands?|stood)\b|"
    r"\bstand(s|ing)? (in|at|under|below|above|beside|behind|here|there|for|on|by|together)\b|"
    r"\bstands\b": "'is', or the exact verb",
    r"\b(lies|lie|lying|lay)\b": "'is'",
    r"\bgoes\b": "'is deleted', 'is sent', 'belongs', 'takes effect'",
    r"\b(tak(e|es|ing|en) (the |it |them |that |this )?(\w+ )?(away|out)|took away)\b": "'remove', 'detach'",
    r"\bin the place of\b|\bin its place\b": "'instead of', 'replace'",
    r"\bof one's own\b": "'custom'",
    r"\bthat (is|are) none\b|\bwhere (it|there) is none\b": "'if there is no'",
    r"\ball the same\b": "'still'",
    r"\b(is|are|was|were|everything) in order\b": "'has no problems'",
    r"\botherwise than\b": "'differently from'",
    r"\blet (it|them|one|the \w+) pass\b|\blets? nothing pass\b|\blets? \w+ \w+ pass\b": "'allow', 'permit'",
    r"\bnothing to fear\b": "'safe'",
    r"\bhand(s|ed|ing)? (\w+ )?over\b": "'pass', 'provide'",
    r"\bdoes? as well\b": "'also works'",
    r"\bone (a|an) (line|object|question|file)\b": "'one per line'",
    r"\bso many (?!that)\b": "'this number of'",
    r"\bsome (ten|twenty|thirty|fifty|eighty|hundred|hundreds|thousand|thousands|15,000)\b": "'about'",
    r"\btold apart\b|\btells? apart\b|\btells? (\w+ ){1,3}apart\b": "'distinguish'",
    r"\b(it|this) is no \w+": "'it is not a'",
    r"\bdo(es)? not hold\b|\bit holds for\b": "'apply', 'be true'",
    r"\bhas to be\b|\bhave to be\b": "'must be', or an instruction",
    r"\bwhere nobody\b|\bnobody else's\b|\bnobody's\b": "name the person",
    r"\b(?<!kustomize )(?<!\[)engines?\b(?! extra)": "'Argo CD', 'Flux', 'the sync tool'; only kustomize is an engine",
}
# The terms of docs/glossary.md that a page links where it first uses them.
TERMS = (
    "baseline", "desired state", "drift", "gate", "generation", "group", "layer", "no-op", "orphan",
    "rendered manifests pattern", "shard", "source of truth", "stamp", "sync tool", "tombstone", "verdict", "waiver",
)  # fmt: skip
_FENCE = re.compile(r"^( *)(```+).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).+?\1", re.DOTALL)
# What the page of the report shows: text between tags, and quoted strings of its script.
_PAGE_STRINGS = re.compile(r">[^<>{}\n]+<|\"[^\"\n]*\"|`[^`\n]*`")
_PAGE_FILES = ("README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md")
# Pages that quote what not to write.
_QUOTING = frozenset({"docs/style.md"})


class Text(NamedTuple):
    """A piece of text that people read: the file, page or command it belongs to, its first line (from 1), and its words."""

    source: str
    line: int
    words: str


class Finding(NamedTuple):
    """A banned construction: where it is, and the words to use instead."""

    source: str
    line: int
    words: str
    instead: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: '{self.words}': write {self.instead}"


class Readability(NamedTuple):
    """How easy a page is to read: words per sentence on average, and Flesch's reading ease (0 to 100, higher is easier)."""

    sentence: float
    ease: float


def find_banned() -> list[Finding]:
    """Return every banned construction in every text."""
    findings = []
    for text in iter_texts():
        for pattern, instead in compile_patterns().items():
            for match in pattern.finditer(text.words):
                line = text.line + text.words.count("\n", 0, match.start())
                findings.append(Finding(text.source, line, " ".join(match[0].split()), instead))
    return sorted(findings)


@cache
def compile_patterns() -> dict[re.Pattern[str], str]:
    """Return the banned constructions, each with its replacement. Only the pattern of a first word respects the case."""
    return {re.compile(text, 0 if "What" in text else re.IGNORECASE): instead for text, instead in BANNED.items()}


def iter_texts() -> Iterator[Text]:
    """Yield all texts that people read, each from its one source."""
    for path in list_pages():
        page = (ROOT / path).read_text(encoding="utf-8")
        if not page.startswith("<!-- Made by"):
            yield Text(path, 1, extract_prose(page))
    yield from _iter_help()
    yield from _iter_rules()
    for folder in ("generator/vmgen", "tools", "benchmarks"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if file != Path(__file__):
                yield from _iter_messages(file)
    for file in sorted((ROOT / "schema").glob("*.schema.json")):
        yield from _iter_strings(file, json.loads(file.read_text(encoding="utf-8")), "description")
    yield from _iter_platforms()
    report = ROOT / "generator/vmgen/report/page"
    for file in [report / "page.html", *sorted((report / "script").glob("*.js"))]:
        yield Text(
            _get_path(file), 1, re.sub(r"<[^>]*>", "", "\n".join(_PAGE_STRINGS.findall(file.read_text(encoding="utf-8"))))
        )
    pipelines = [ROOT / path for path in ("action.yml", "gitlab/vmgen.yml", "Dockerfile")]
    for file in [*sorted((ROOT / "generator/vmgen/starter").iterdir()), *pipelines]:
        yield Text(_get_path(file), 1, _CODE.sub("CODE", file.read_text(encoding="utf-8")))
    yield Text("Makefile", 1, "\n".join(re.findall(r"## (.*)", (ROOT / "Makefile").read_text(encoding="utf-8"))))


def list_pages() -> list[str]:
    """Return the paths of the pages below the root."""
    pages = [*_PAGE_FILES, *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
    return [page for page in pages if page not in _QUOTING]


def extract_prose(page: str) -> str:
    """Return a page without code, comments and link targets; lines keep their numbers."""
    for pattern, word in ((_FENCE, ""), (_COMMENT, ""), (_CODE, "CODE")):
        page = pattern.sub(lambda match, word=word: word + "\n" * match[0].count("\n"), page)  # type: ignore[misc]
    return re.sub(r"\]\([^)\s]*\)|<[^>]+>", "", page)


def find_unlinked_terms(page: str) -> list[str]:
    """Return the terms whose first use in a page is no link to the glossary. Generated pages and headings are left out."""
    if page.startswith("<!-- Made by"):
        return []
    for pattern in (_FENCE, _COMMENT, _CODE):
        page = pattern.sub("CODE", page)
    page = re.sub(r"^#.*$", "", page, flags=re.MULTILINE)
    terms = []
    for term in TERMS:
        uses = re.finditer(rf"\[[^\]\[]*\]\((?P<target>[^)\s]*)\)|\b{term}s?\b", page, re.IGNORECASE)
        anchor = f"glossary.md#{term.replace(' ', '-')}"
        first = next((use for use in uses if use["target"] is None or use["target"].endswith(anchor)), None)
        if first and first["target"] is None:
            terms.append(term)
    return terms


def _iter_help() -> Iterator[Text]:
    from click import Context

    from vmgen.cli.app import COMMANDS, app

    root = Context(app, info_name="vmgen")
    yield Text("vmgen --help", 1, app.help or "")
    for name in COMMANDS:
        command = app.get_command(root, name)
        if command:
            yield Text(f"vmgen {name} --help", 1, f"{command.help}\n{command.epilog or ''}")


def _iter_rules() -> Iterator[Text]:
    from vmgen.report.problems import all_rules

    for rule in all_rules():
        yield Text(f"rule {rule.id}", 1, _CODE.sub("CODE", rule.text))


def _iter_messages(file: Path) -> Iterator[Text]:
    """Yield the strings of a module that hold a blank, but no docstrings: f-strings with `…` for each value."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    other_strings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            other_strings.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            other_strings |= {id(part) for part in ast.walk(node) if part is not node}
    for node in ast.walk(tree):
        if id(node) not in other_strings and isinstance(node, ast.Constant | ast.JoinedStr):
            words = _join_string(node)
            if " " in words.strip():
                yield Text(_get_path(file), node.lineno, _CODE.sub("CODE", words))


def _join_string(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)


def _iter_platforms() -> Iterator[Text]:
    import yaml

    for file in sorted((ROOT / "templates").rglob("*.yaml")):
        yield from _iter_strings(file, yaml.safe_load(file.read_text(encoding="utf-8")), None)


def _iter_strings(file: Path, node: Any, key: str | None, name: str | None = None) -> Iterator[Text]:
    """Yield the strings of a document, or those under a key; sources of verdicts and URLs are left out."""
    if isinstance(node, dict):
        for child, value in node.items():
            if child != "source":
                yield from _iter_strings(file, value, key, str(child))
    elif isinstance(node, list):
        for value in node:
            yield from _iter_strings(file, value, key, name)
    elif isinstance(node, str) and " " in node and (key is None or key == name):
        yield Text(_get_path(file), 1, _CODE.sub("CODE", node))


def _get_path(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def measure_readability(page: str) -> Readability:
    """Return the readability of a page's sentences; headings, tables, lists of links and code do not count as sentences."""
    sentences = [words for words in map(_split_words, _split_sentences(page)) if len(words) > 2]
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return Readability(0.0, 100.0)
    length = len(words) / len(sentences)
    # https://en.wikipedia.org/wiki/Flesch%E2%80%93Kincaid_readability_tests
    return Readability(length, 206.835 - 1.015 * length - 84.6 * sum(map(count_syllables, words)) / len(words))


def _split_sentences(page: str) -> Iterator[str]:
    lines = [line for line in extract_prose(page).splitlines() if not line.lstrip().startswith(("#", "|"))]
    text = re.sub(r"\n\s*([-*]|\d+\.) ", "\n\n", "\n".join(lines))
    for paragraph in re.split(r"\n\s*\n", text):
        yield from re.split(r"(?<=[.!?:])\s+(?=[A-Z(`*\[\"])", " ".join(paragraph.split()))


def _split_words(sentence: str) -> list[str]:
    """Return the words of a sentence. Code counts as one word of one syllable: a reader takes a command in at one look."""
    return re.findall(r"[A-Za-z][A-Za-z'’-]*", re.sub(r"(?:CODE)+", "code", sentence))


def count_syllables(word: str) -> int:
    """Return an estimate of a word's syllables: groups of vowels, without a silent e at the end."""
    word = re.sub(r"[^a-z]", "", word.lower())
    silent = re.sub(r"(?<=[^aeiouyl])e(?=s?$)|(?<=[^aeioutdy])e(?=d$)|(?<=[aeiouy][lr])e(?=s?$)", "", word)
    return max(1, len(re.findall(r"[aeiouy]+", silent)))


def main() -> None:
    """Print the findings, and the readability of each page."""
    for finding in find_banned():
        print(finding)
    for path in list_pages():
        readability = measure_readability((ROOT / path).read_text(encoding="utf-8"))
        print(f"{path}: {readability.sentence:.1f} words per sentence, reading ease {readability.ease:.0f}")


if __name__ == "__main__":
    main()
