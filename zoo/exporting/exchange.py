"""Names of the files that an export and its verification in a fresh process exchange."""

EXAMPLES, ANSWERS = "examples.pickle", "answers.pickle"
