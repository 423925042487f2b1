"""One detector of secrets: by form, by name, by this machine's environment; never a hash."""

import hashlib
import time

import pytest

from pipelines.plumbing import secrets

HEX = hashlib.md5(b"a", usedforsecurity=False).hexdigest()
FORMS = {
    "KGAT_" + HEX: "a Kaggle token",
    '{"username":"m01","key":"' + HEX + '"}': "a Kaggle token",
    "AKIA" + "ABCDEFGH12345678": "an AWS key",
    "ghp_" + "a1B2" * 9: "an access token",
    "github_pat_" + "a1B2" * 9: "an access token",
    "hf_" + "aB1c" * 8 + "Ab": "an access token",
    "sk-" + "proj-a1B2" * 3: "an access token",
    "xoxb-" + "1234567890-ab": "an access token",
    "AIza" + "a1B2c" * 7: "an access token",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----": "a private key",
    "https://m01:hush1@example.org": "a password",
}
HASHES = [hashlib.new(kind, b"a", usedforsecurity=False).hexdigest() for kind in ("md5", "sha1", "sha256", "sha512")]  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), FORMS.items())
def test_the_forms_of_the_platforms_are_found_and_masked(text: str, kind: str) -> None:
    assert secrets.kinds(f"x = {text}", is_written=False) == [kind]
    shown = secrets.masked(f"before {text} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "***" in shown
    for part in (HEX, "hush1", "MIIEow", "a1B2", "AKIA", "12345678"):
        assert part not in shown


@pytest.mark.parametrize("value", [*HASHES, HASHES[0].upper()])
@pytest.mark.parametrize("sentence", ["must have the md5 {}, found {}: put it there", "sha256: {}", "sha256={}", '"md5": "{}"', "{}  train.csv"])  # fmt: skip
def test_a_hash_is_no_secret(sentence: str, value: str) -> None:
    text = sentence.format(value, value)
    assert secrets.masked(text) == text
    assert secrets.kinds(text, is_written=True) == []


@pytest.mark.parametrize(
    "text",
    [
        "no Kaggle token: sign in with `kaggle auth login`, then again",
        "a password: choose one",
        "pad_token must be text, found 3",
        "submission_lightgbm_fold5_seed42_with_all_features_v3.csv",
        "data/digits/folds.csv must exist and was not found: run `dvc repro`",
        "models/2b_baseline_with_a_name_of_more_than_thirty_two_letters",
    ],
)
def test_plain_messages_stay_as_they_are(text: str) -> None:
    assert secrets.masked(text) == text


@pytest.mark.parametrize(
    "text", ["token=hush", "password: hush1", "'api_key': 'hush'", "AWS_SECRET_ACCESS_KEY=hush/1", "Authorization: Basic hush"]
)  # fmt: skip
def test_what_a_name_like_a_tokens_is_given_is_masked(text: str) -> None:
    shown = secrets.masked(f"sent {text}, then 401")
    assert "hush" not in shown
    assert "***" in shown
    assert shown.endswith("then 401")


def test_a_megabyte_costs_no_more_than_its_length() -> None:
    started = time.process_time()
    for text in (
        "a" * 1_000_000,
        "token " * 200_000,
        "a1B" * 300_000,
        "://a" * 200_000,
        "key_" * 250_000,
    ):
        secrets.masked(text)
        secrets.kinds(text, is_written=True)
    assert time.process_time() - started < 10
