"""How hard a passphrase is to guess, in words. A rough guide, never a gate beyond the minimum length."""

import math

_POOLS = ((str.islower, 26), (str.isupper, 26), (str.isdigit, 10), (str.isspace, 1))
_OTHER = 30
_COMMON = ("password", "passphrase", "rollcall", "qwerty", "letmein", "welcome", "123456", "abcdef", "council")


def strength(text: str) -> str:
    """Return words about a passphrase that is being typed."""
    if len(text) < 12:
        left = 12 - len(text)
        return f"{left} more character{'' if left == 1 else 's'} needed."
    bits = _bits(text)
    if bits < 45:
        return "Easy to guess. Add another word."
    if bits < 60:
        return "Fair. One more word makes it strong."
    return "Strong."


def _bits(text: str) -> float:
    """Return an estimate that counts repeated and well-known parts once."""
    folded = text.casefold()
    for word in _COMMON:
        folded = folded.replace(word, word[0])
    pool = sum(size for test, size in _POOLS if any(test(char) for char in text))
    pool += _OTHER if any(not (char.isalnum() or char.isspace()) for char in text) else 0
    steps = sum(1 for first, second in zip(folded, folded[1:], strict=False) if ord(second) - ord(first) in (0, 1))
    different = len(set(folded))
    return min(len(folded) - steps, different * 2) * math.log2(max(pool, 2)) * 0.8
