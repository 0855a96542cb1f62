"""Personal data in text, found by rules: e-mail, phone, card, bank account, national ids, network addresses.

A rule is a pattern and a check. Check digits come from `python-stdnum`, telephone numbers from Google's
`phonenumbers` (its light form); the well-known whole systems need a language model or a dozen packages. Ids
that are bare digits with one check digit, which one number in ten passes by chance, count only in their
written form or after a word that announces them. Rules find forms, not meaning: a name in free text is found
only if listed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

Check = Callable[[str], bool]
NEAR = 40  # letters before a number in which a word may announce it


@dataclass(frozen=True, slots=True)
class PersonalSpan:
    """Where a text holds personal data of a kind: from `start` up to `end`."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern, what else must hold, and words of which one must stand before it ("" for none)."""

    kind: str
    pattern: re.Pattern[str]
    check: str = ""  # a module of python-stdnum with `is_valid`, or a name in CHECKS
    announced: str = ""


def rule(kind: str, pattern: str, check: str = "", announced: str = "") -> Rule:
    return Rule(kind, re.compile(pattern), check, announced)


def card(text: str) -> bool:
    """Digits in the form of a known issuer that pass Luhn's check."""
    digits = re.sub(r"\D", "", text)
    return len(set(digits)) > 1 and stdnum("luhn")(digits)


def address(text: str) -> bool:
    """An IPv4 or IPv6 address; `::` alone says nothing about anybody."""
    try:
        parsed = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return False
    return not parsed.is_unspecified


def insurance(text: str) -> bool:
    """A British National Insurance number has none of these prefixes."""
    return text[:2] not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}


CHECKS: dict[str, Check] = {"card": card, "address": address, "insurance": insurance}
B, E = r"(?<![\w.@/-])", r"(?![\w@]|[.-]\w)"  # a number that is not a part of a longer word or number

RULES: tuple[Rule, ...] = (
    rule(
        "e-mail",
        r"(?<![\w.+-])[A-Za-z0-9][\w.%+'-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])",
    ),
    rule("bank account", B + r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?" + E, "iban"),
    rule("card", B + r"(?:[4-6]\d{3}|2[2-7]\d{2}|35\d{2})(?:[ -]?\d{4}){3}" + E, "card"),
    rule("card", B + r"6\d{3}(?:[ -]?\d{4}){3}[ -]?\d{3}" + E, "card"),
    rule("card", B + r"3[47]\d{2}[ -]?\d{6}[ -]?\d{5}" + E, "card"),
    rule("card", B + r"3[068]\d{2}[ -]?\d{6}[ -]?\d{4}" + E, "card"),
    rule("national id", B + r"\d{3}-\d{2}-\d{4}" + E, "us.ssn"),
    rule("national id", B + r"\d{9}" + E, "us.ssn", r"ssn|social security"),
    rule(
        "national id", B + r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]" + E, "insurance"
    ),
    rule("national id", B + r"\d{3} ?\d{3} ?\d{4}" + E, "gb.nhs", r"\bnhs\b"),
    rule("national id", B + r"\d{2} ?\d{3} ?\d{3} ?\d{3}" + E, "de.idnr", r"steuer|idnr|tax|ident"),
    rule("national id", B + r"[12] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}" + E, "fr.nir"),
    rule("national id", B + r"\d{8}-?[A-HJ-NP-TV-Z]" + E, "es.dni"),
    rule("national id", B + r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]" + E, "es.nie"),
    rule("national id", B + r"[A-Z]{6}\w{2}[A-EHLMPRST]\w{2}[A-Z]\w{3}[A-Z]" + E, "it.codicefiscale"),
    rule("national id", B + r"\d{4}\.?\d{2}\.?\d{3}" + E, "nl.bsn", r"\bbsn\b|burgerservice"),
    rule("national id", B + r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}" + E, "be.nn"),
    rule("national id", B + r"(?:\d{2})?\d{6}[-+]\d{4}" + E, "se.personnummer"),
    rule("national id", B + r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]" + E, "fi.hetu"),
    rule("national id", B + r"\d{6}-\d{4}" + E, "dk.cpr"),
    rule("national id", B + r"\d{6} ?\d{5}" + E, "no.fodselsnummer", r"fødsels|fodsels|person"),
    rule("national id", B + r"\d{11}" + E, "pl.pesel", r"pesel"),
    rule("national id", B + r"756\.\d{4}\.\d{4}\.\d{2}" + E, "ch.ssn"),
    rule("national id", B + r"\d{3}\.\d{3}\.\d{3}-\d{2}" + E, "br.cpf"),
    rule("national id", B + r"\d{17}[\dX]" + E, "cn.ric"),
    rule("national id", B + r"[2-9]\d{3} \d{4} \d{4}" + E, "in_.aadhaar"),
    rule("national id", B + r"\d{6}-[1-8]\d{6}" + E, "kr.rrn"),
    rule("national id", B + r"\d{13}" + E, "za.idnr", r"\bid\b|identity"),
    rule("network address", r"(?<![\w.:])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|[.]\d)", "address"),
    rule(
        "network address",
        r"(?<![\w.:])[0-9A-Fa-f:]{0,30}::?[0-9A-Fa-f:.]{0,29}[0-9A-Fa-f](?:%\w{1,16})?(?![\w:])",
        "address",
    ),
)
KINDS = (*dict.fromkeys(rule.kind for rule in RULES), "phone")


@cache
def stdnum(name: str) -> Check:
    """The check of a module of python-stdnum."""
    check: Check = import_module(f"stdnum.{name}").is_valid
    return check


def candidates(text: str, kinds: Iterable[str]) -> Iterator[PersonalSpan]:
    """What the rules find, in the order of the rules."""
    chosen = set(kinds)
    for entry in RULES:
        if entry.kind not in chosen:
            continue
        for match in entry.pattern.finditer(text):
            if entry.announced and not re.search(
                entry.announced, text[max(0, match.start() - NEAR) : match.start()], re.IGNORECASE
            ):
                continue
            check = CHECKS.get(entry.check) or (stdnum(entry.check) if entry.check else None)
            if check is None or check(match[0]):
                yield PersonalSpan(match.start(), match.end(), entry.kind)
    if "phone" in chosen:
        yield from phones(text, "")


def phones(text: str, region: str) -> Iterator[PersonalSpan]:
    """Telephone numbers: international ones, and those of a region ("DE") as people there write them."""
    if sum(letter.isdigit() for letter in text) < 7:
        return
    import phonenumbers

    for match in phonenumbers.PhoneNumberMatcher(text, region or None, phonenumbers.Leniency.VALID):
        text_of = match.raw_string
        opened = text_of.startswith("(") and text_of.count("(") > text_of.count(")")
        yield PersonalSpan(match.start + opened, match.end, "phone")


def find(text: str, kinds: Iterable[str] = KINDS, region: str = "") -> list[PersonalSpan]:
    """The personal data in a text, in order; of two that overlap, the one whose rule comes first."""
    taken: list[PersonalSpan] = []
    spans = list(candidates(text, kinds))
    if region and "phone" in set(kinds):
        spans += phones(text, region)
    for span in spans:
        if all(span.end <= other.start or span.start >= other.end for other in taken):
            taken.append(span)
    return sorted(taken, key=lambda span: span.start)
