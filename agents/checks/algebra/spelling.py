"""TeX's and typographers' many spellings, folded into few."""

import re

from agents.checks.algebra.nodes import Unclear

MOST_CHARACTERS = 2000

_SAME = {
    "−": "-", "–": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "÷": r"\div ",
    "π": r"\pi ", "√": r"\sqrt ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "≈": r"\approx ",
    "∪": r"\cup ", "∩": r"\cap ", "∖": r"\setminus ", "∅": r"\emptyset ", "ℝ": r"\mathbb{R}", "∈": r"\in ",
    "±": r"\pm ", "°": r"^\circ ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "λ": r"\lambda ", "μ": r"\mu ",
    "²": "^2", "³": "^3", "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}",
    "¾": r"\frac{3}{4}", "…": r"\dots ", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "⟨": r"\langle ",
    "⟩": r"\rangle ",
}  # fmt: skip
_TEX = (
    (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
    (r"\\(?:left|right|bigl|bigr|Bigl|Bigr|big|Big|displaystyle|textstyle|limits)(?![A-Za-z])\.?", ""),
    (r"\{,\}", "\ue000"),  # the comma of thousands, told apart from the comma of lists
    (r"(?<=\d)\\[,!](?=\d{3}(?!\d))", "\ue000"),
    (r"(?<=\d),\\!\s*(?=\d{3}(?!\d))", "\ue000"),
    (r"(?<!\\)\\[,;:!> ]|\\q?quad(?![A-Za-z])|~|\\(?:hspace|phantom)\{[^{}]*\}", " "),
    (r"\\leq?(?:slant)?(?![A-Za-z])|<=", r"\\le "),
    (r"\\geq?(?:slant)?(?![A-Za-z])|>=", r"\\ge "),
    (r"\\lt(?![A-Za-z])", "<"),
    (r"\\gt(?![A-Za-z])", ">"),
    (r"\\(?:varnothing|empty)(?![A-Za-z])", r"\\emptyset "),
    (r"\\(?:operatorname|mathop)\*?\{([A-Za-z]+)\}", r" \1 "),
    (r"\\(?:textbf|textit|textrm|textsf|mathrm|mathbf|mathit|mathsf|mbox|rm)(?=\s*\{)", r"\\text"),
    (r"\\(?:ldots|cdots)(?![A-Za-z])|\.\.\.", r"\\dots "),
    (r"\\degree(?![A-Za-z])|\^\s*\{?\s*\\circ\s*\}?", r"^\\circ "),
    (r"\\%", "%"),
    (r"\\#", "#"),
    (r"\*\*(?!\*)", "^"),
    (r"\\(?:lbrace)(?![A-Za-z])", r"\\{"),
    (r"\\(?:rbrace)(?![A-Za-z])", r"\\}"),
    (r"\\(?:lvert|rvert|vert|mid)(?![A-Za-z])", "|"),
    (r"\\(?:Re|R|reals)(?![A-Za-z])|\\mathbb\s+R|\\mathbf\{R\}", r"\\mathbb{R}"),
)
_COMPILED = tuple((re.compile(pattern), to) for pattern, to in _TEX)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{(.*)\}", re.DOTALL)


def folded(text: str) -> str:
    """Fold the spellings of a written answer, without the marks of mathematics around it."""
    if len(text) > MOST_CHARACTERS:
        raise Unclear(f"it has more than {MOST_CHARACTERS} characters")
    text = re.sub(r"\s+", " ", text).strip()
    text = text.removesuffix(".") if not text.endswith("..") else text
    text = _bare(text)
    money = r"\$" in text or re.match(r"-?\$\s?\d", text) is not None
    for written, meant in _SAME.items():
        text = text.replace(written, meant)
    for pattern, to in _COMPILED:
        text = pattern.sub(to, text)
    if money:
        text = text.replace(r"\$", "$")
    return re.sub(r"\s+", " ", text).strip()


def _bare(text: str) -> str:
    before = None
    while before != text:
        before = text
        for start, end in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("`", "`")):
            inside = text[len(start) : -len(end)]
            around = text.startswith(start) and text.endswith(end) and len(text) > len(start) + len(end)
            if around and start not in inside and not inside.endswith("\\"):
                text = inside.strip()
        if (boxed := _BOXED.fullmatch(text)) and balanced(boxed[1]):
            text = boxed[1].strip()
        if text.endswith(".") and not text.endswith(".."):
            text = text[:-1].strip()
    return text


def balanced(text: str) -> bool:
    """Whether no brace closes that did not open here."""
    depth = 0
    for mark in re.findall(r"\\.|[{}]", text):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        if depth < 0:
            return False
    return depth == 0
