"""Which operators fit which kind of field, and what each is called."""

# Operators that fit each kind, in the order in which the panel offers them.
OPERATORS: dict[str, tuple[str, ...]] = {
    "text": ("is", "is_not", "one_of", "contains", "starts_with", "empty", "not_empty"),
    "yes_no": ("is",),
    "whole_number": ("is", "more_than", "less_than", "empty", "not_empty"),
    "date": ("is", "before", "after", "empty", "not_empty"),
    "one_of": ("is", "is_not", "one_of", "empty", "not_empty"),
    "several_of": ("contains", "one_of", "empty", "not_empty"),
}
WORDS = {
    "is": "is",
    "is_not": "is not",
    "one_of": "is one of",
    "contains": "contains",
    "starts_with": "starts with",
    "more_than": "is more than",
    "less_than": "is less than",
    "before": "is before",
    "after": "is after",
    "empty": "is empty",
    "not_empty": "is not empty",
}
WITHOUT_VALUE = {"empty", "not_empty"}
