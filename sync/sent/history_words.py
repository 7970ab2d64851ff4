"""What came back for a push, in a plain sentence for the staff."""

_SENTENCES = {
    "accepted": "Higher Logic accepted it.",
    "refused": "Higher Logic does not take this record as it is: mend what it says. "
    "It is sent again when it changes, and by itself now and then.",
    "too_large": "The record is too large for Higher Logic: shorten the biography, for one.",
    "wrong_key": "Higher Logic refused our key, so it did not look at the record: an owner enters "
    "the right one under Integrations.",
    "slow_down": "Higher Logic asked us to slow down; it is sent again by itself.",
    "no_answer": "Higher Logic did not answer, so whether it has it is not known; it is sent again "
    "by itself.",
    "wrong_address": "There is no push service at the address that is set under Integrations: an "
    "owner mends it.",
    "outage": "Higher Logic had trouble of its own, so whether it has it is not known; it is sent "
    "again by itself.",
}


def sentence(code: str) -> str:
    """What a code of ``wire.Outcome`` means, and what to do. An unknown one is its own sentence."""
    return _SENTENCES.get(code, code)
