"""The signature check, for any secret, body and header."""

import hashlib
import hmac
import string
from base64 import b64encode

import pytest
from hypothesis import assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pagerduty_app import signatures

BODY = b'{"event": {"id": "01"}}'
BODIES = st.binary(max_size=500)
SECRETS = st.text(string.ascii_letters + string.digits + string.punctuation, min_size=1, max_size=80)
RINGS = st.lists(SECRETS, min_size=1, max_size=5, unique=True)
CASES = st.lists(st.booleans(), min_size=64, max_size=64)


def digest(body: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).digest()


def as_hex(raw: bytes) -> str:
    return f"v1={raw.hex()}"


def as_base64(raw: bytes) -> str:
    return f"v1={b64encode(raw).decode()}"


def flipped(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8 % len(raw)] ^= 1 << bit % 8
    return bytes(changed)


def test_the_digest_is_hmac_sha256_as_rfc_4231_prints_it() -> None:
    header = "v1=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    body = b"what do ya want for nothing?"

    assert signatures.verify(body, header, ["Jefe"]) == 0
    assert signatures.sign(body, "Jefe") == header


@examples(deadline=None)
@given(body=BODIES, ring=RINGS, data=st.data(), upper=CASES)
def test_whatever_secret_signed_its_index_is_returned_in_hex_of_any_case_and_in_base64(
    body: bytes, ring: list[str], data: st.DataObject, upper: list[bool]
) -> None:
    index = data.draw(st.integers(0, len(ring) - 1))
    raw = digest(body, ring[index])

    mixed = "".join(c.upper() if up else c for c, up in zip(raw.hex(), upper, strict=True))

    for header in (as_hex(raw), f"v1={mixed}", as_base64(raw)):
        assert signatures.verify(body, header, ring) == index


@examples(deadline=None)
@given(body=st.binary(min_size=1, max_size=500), secret=SECRETS, bit=st.integers(0, 4000))
def test_one_changed_bit_of_the_body_is_refused(body: bytes, secret: str, bit: int) -> None:
    raw = digest(body, secret)

    tampered = flipped(body, bit)

    assert signatures.verify(tampered, as_hex(raw), [secret]) is None
    assert signatures.verify(tampered, as_base64(raw), [secret]) is None


@examples(deadline=None)
@given(body=BODIES, secret=SECRETS, bit=st.integers(0, 255))
def test_one_changed_bit_of_the_digest_is_refused(body: bytes, secret: str, bit: int) -> None:
    raw = digest(body, secret)

    forged = flipped(raw, bit)

    assert signatures.verify(body, as_hex(forged), [secret]) is None
    assert signatures.verify(body, as_base64(forged), [secret]) is None


@examples(deadline=None)
@given(secret=SECRETS, place=st.integers(0, 63), typed=st.sampled_from(string.printable))
def test_one_changed_character_of_the_header_is_refused(secret: str, place: int, typed: str) -> None:
    raw = digest(BODY, secret)
    for encoded in (raw.hex(), b64encode(raw).decode()):
        at = place % len(encoded)
        assume(typed.lower() != encoded[at].lower())

        changed = encoded[:at] + typed + encoded[at + 1 :]

        assert signatures.verify(BODY, f"v1={changed}", [secret]) is None


@examples(deadline=None)
@given(body=BODIES, ring=st.lists(SECRETS, min_size=2, max_size=5, unique=True))
def test_any_other_secret_is_refused(body: bytes, ring: list[str]) -> None:
    signer, *known = ring

    raw = digest(body, signer)

    assert signatures.verify(body, as_hex(raw), known) is None
    assert signatures.verify(body, as_base64(raw), known) is None


PIECES = st.one_of(st.text(max_size=100), st.just("v1="), st.just(","), st.just("v1"))


@examples(deadline=None)
@given(body=BODIES, pieces=st.lists(PIECES, max_size=30), secrets=st.lists(st.text(max_size=20), max_size=3))
def test_no_header_and_no_secret_ever_raises(body: bytes, pieces: list[str], secrets: list[str]) -> None:
    header = "".join(pieces)

    assert signatures.verify(body, header, secrets) is None


@pytest.mark.parametrize("secret", ["\ud800", "schlüssel", "\x00", ""])
def test_a_secret_that_is_not_ascii_never_raises(secret: str) -> None:
    header = as_hex(digest(BODY, "another"))

    assert signatures.verify(BODY, header, [secret, "another"]) == 1


@examples(deadline=None)
@given(body=BODIES, ring=RINGS, signers=RINGS, gap=st.sampled_from(["", " ", "\t"]))
def test_during_a_rotation_one_known_signer_among_several_is_enough(
    body: bytes, ring: list[str], signers: list[str], gap: str
) -> None:
    both = set(ring) & set(signers)

    header = f"{gap},{gap}".join(as_hex(digest(body, secret)) for secret in signers)

    found = signatures.verify(body, header, ring)
    assert (found is None) == (not both)
    assert found is None or ring[found] in both


def test_the_old_and_the_new_secret_both_count_while_pagerduty_signs_with_both() -> None:
    old, new = digest(BODY, "old"), digest(BODY, "new")

    header = f"{as_hex(old)},{as_base64(new)}"

    assert signatures.verify(BODY, header, ["old"]) == 0
    assert signatures.verify(BODY, header, ["new"]) == 0
    assert signatures.verify(BODY, header, ["older", "new"]) == 1


@pytest.mark.parametrize("header", [None, "", "v1=", ",", "v1", "v2=" + "0" * 64])
def test_without_a_signature_nothing_counts(header: str | None) -> None:
    assert signatures.verify(BODY, header, ["secret", ""]) is None


def test_without_a_version_a_right_digest_is_refused() -> None:
    raw = digest(BODY, "secret")

    for encoded in (raw.hex(), b64encode(raw).decode(), f"v0={raw.hex()}", f"V1={raw.hex()}"):
        assert signatures.verify(BODY, encoded, ["secret"]) is None


def test_without_secrets_nothing_counts() -> None:
    assert signatures.verify(BODY, as_hex(digest(BODY, "secret")), []) is None


@pytest.mark.parametrize(("length", "verdict"), [(4096, 0), (4097, None)])
def test_a_header_over_4096_characters_is_refused_unread(length: int, verdict: int | None) -> None:
    signature = as_hex(digest(BODY, "secret"))

    header = f"{signature},".ljust(length, "x")

    assert len(header) == length
    assert signatures.verify(BODY, header, ["secret"]) == verdict


@pytest.mark.parametrize(("count", "verdict"), [(20, 0), (21, None)])
def test_more_than_20_signatures_are_refused_unread(count: int, verdict: int | None) -> None:
    others = ["v1=00"] * (count - 1)

    header = ",".join([*others, as_hex(digest(BODY, "secret"))])

    assert signatures.verify(BODY, header, ["secret"]) == verdict
