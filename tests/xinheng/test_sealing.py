"""What is sealed opens with the same key under the same identity, and in no other way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinheng.sealing import Cipher, Unopened, opened, seal, subkey

KEY = bytes(range(32))


@given(st.binary(max_size=200), st.binary(max_size=50), st.sampled_from(["siv", "gcm"]))
def test_it_comes_back_and_no_two_are_alike(body: bytes, identity: bytes, cipher: Cipher) -> None:
    sealed = seal(KEY, body, identity, cipher=cipher)
    assert opened(KEY, sealed, identity, cipher=cipher) == body
    assert sealed != seal(KEY, body, identity, cipher=cipher)


@given(st.binary(max_size=60), st.integers(0, 10**6), st.integers(0, 7))
def test_one_changed_bit_another_identity_or_another_key_opens_nothing(body: bytes, at: int, bit: int) -> None:
    sealed = bytearray(seal(KEY, body, b"note 3"))
    for key, identity in ((KEY, b"note 4"), (subkey(KEY, "x"), b"note 3")):
        with pytest.raises(Unopened):
            opened(key, bytes(sealed), identity)
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises(Unopened):
        opened(KEY, bytes(sealed), b"note 3")


@given(st.binary(max_size=27))
def test_what_is_too_short_opens_nothing(sealed: bytes) -> None:
    with pytest.raises(Unopened):
        opened(KEY, sealed, b"")
