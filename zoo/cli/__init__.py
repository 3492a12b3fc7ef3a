"""The command line: one verb a file, the same verbs as in Python."""
