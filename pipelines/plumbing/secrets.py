"""Secrets by their form, their name, or this machine's environment: found, and taken out of what is shown.

A hash (md5, sha256) is none: whoever reads of a damaged file must be able to compare it.
"""

import os
import re

KINDS = {
    "a private key": re.compile(
        r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----.*?(?:-----END (?:[A-Z]+ )*PRIVATE KEY-----|\Z)", re.S
    ),
    "a Kaggle token": re.compile(
        r"(?<![A-Za-z0-9])KGAT_\w{16,}|\\?[\"']key\\?[\"']\s*:\s*\\?[\"'][0-9a-f]{32}\b\\?[\"']?"
    ),
    "an AWS key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "an access token": re.compile(
        r"\b(?:gh[pousr]_[0-9A-Za-z]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|hf_[0-9A-Za-z]{30,}|sk-(?=[\w-]{0,60}\d)[\w-]{20,}"
        r"|AIza[\w-]{35}|xox[abeoprs]-[\w-]{10,}|ya29\.[\w-]{20,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})"
        r"|(?i:\bbearer\s+(?=\S*\d)[\w.~+/-]{16,})"
    ),
    "a password": re.compile(r"(?<=://)[^/\s:@\"'{}<]+:[^/\s:@\"'{}<]+(?=@)"),
}  # fmt: skip
# A name, perhaps as the key of a mapping, and the text given to it. What of it is a secret, `kind_given` says.
# Bounded on both sides, so that a printed megabyte without spaces costs no more than its length.
_GIVEN = re.compile(
    r"(?<!\w)(?P<name>[A-Za-z_]\w{0,60})\\?[\"']?\]?\s{0,9}(?::\s{0,9}str\s{0,9}=|[:=](?!=))\s{0,9}[rbuf]{0,2}"
    r"\\?[\"'](?P<text>[^\"'\n\\]{4,500})\\?[\"']"
)
# `%env KAGGLE_KEY=…`, `!export KAGGLE_KEY=…`: no quotes there, and in kernel.py a `#` before it.
_COMMAND = re.compile(r"(?m)^\s*(?:#\s*)?[%!].*$")
_EXPORTED = re.compile(r"(?<!\w)(?P<name>[A-Za-z_]\w{0,60})[= ](?=(?P<text>[^\s\"'$]{4,500}))")
_PASSWORD = re.compile(r"(?i)(?:^|_)(?:pass(?:word|wd|phrase)?|pwd|secret|credentials?)$|password$")
_TOKEN = re.compile(r"(?i)(?:token|api_?key|access_?key|auth)(?:_?id)?$|secret_|kaggle_key$")
_KEY = re.compile(r"(?i)(?:^|_)key$")
_PLACEHOLDER = re.compile(
    r"(?i)^[<{\[$%]|\.\.\.|…|\*\*\*|xxxx|^my[_-]|your|example|dummy|changeme|placeholder|^(?:none|null|true|false)$"
)
# In a message anything that a name like a token's is given, also without quotes; after a colon only what looks
# like one, since `no token: sign in first` is a sentence. And what looks drawn at random.
_TOLD = re.compile(
    r"(?i:(?<![\w-])[\w-]{0,60}(?:token|secret|password|api[_-]?key|access[_-]?key|kaggle_key|authorization)\\?[\"']?\s*"
    r"(?:=\s*|:\s*(?=\\?[\"']|\S*\d|bearer\s|basic\s))(?:bearer\s+|basic\s+)?\\?[\"']?[^\s\"',;&\\]+"
    r"|\bbearer\s+(?=\S*\d)[^\s\"',;&]+)"
    r"|(?<=://)[^/\s@]+(?=@)"
    r"|\b(?=[0-9A-Za-z]*\d)(?=[0-9A-Za-z]*[a-z])(?=[0-9A-Za-z]*[A-Z])[0-9A-Za-z]{32,500}\b"
)
# A variable of the environment whose value must stand nowhere.
_ENVIRONMENT = re.compile(
    r"(?i)TOKEN|SECRET|PASSW|CREDENTIAL|COOKIE|AUTH(?!OR)|(^|_)(API_?)?KEY(_|$)"
)
_SHORTEST = 6  # characters of such a value: `1` and `true` are none


def masked(text: str) -> str:
    """The text with `***` in the place of every secret that is known by its form, name or environment."""
    for value in _environment():
        text = text.replace(value, "***")
    for pattern in (*KINDS.values(), _TOLD):
        text = pattern.sub("***", text)
    return text


def kinds(text: str, *, is_written: bool) -> list[str]:
    """The kinds of secrets in a text: `a Kaggle token`, `an AWS key`, `a private key`, `an access token`, …

    Args:
        text: a line, or what a cell has printed.
        is_written: by a person, so that the names in it mean something.
    """
    found = [kind for kind, pattern in KINDS.items() if _is_real(pattern.search(text))]
    if not found and is_written:  # what is known by its form needs no name
        given = list(_GIVEN.finditer(text))
        for command in _COMMAND.findall(text):
            given += _EXPORTED.finditer(command)
        named = {kind_given(match["name"], match["text"]) for match in given}
        found = sorted(kind for kind in named if kind is not None)
    if not found and any(value in text for value in _environment()):
        return ["a value of this machine's environment"]
    return found


def kind_given(name: str, text: str) -> str | None:
    """The kind of secret that a name was given, or None: `pad_token = "[PAD]"` is none."""
    is_path = text.startswith(("/", "./", "../", "~"))
    if is_path or " " in text or text == name or _PLACEHOLDER.search(text):
        return None
    if _PASSWORD.search(name):
        return "a password"
    if not (re.search(r"\d", text) and re.search(r"[A-Za-z]", text)):
        return None
    if _TOKEN.search(name) and re.fullmatch(r"[\w.+/=~:-]{16,}", text):
        return "an access token"
    # `key` names many things that are none: only what looks drawn at random counts.
    is_random = re.fullmatch(r"[0-9A-Za-z+/=]{20,}", text) is not None
    return "an access token" if _KEY.search(name) and is_random else None


def _is_real(match: "re.Match[str] | None") -> bool:
    return match is not None and not _PLACEHOLDER.search(match[0])


def _environment() -> list[str]:
    """Values that this machine's own environment keeps under a name like a token's, the longest first."""
    values = [
        value
        for name, value in os.environ.items()
        if _ENVIRONMENT.search(name) and len(value) >= _SHORTEST
    ]
    return sorted(values, key=len, reverse=True)
