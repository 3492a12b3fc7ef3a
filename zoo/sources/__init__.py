"""Sources: features in memory, in files or in records, which yield finite passes over selected rows."""
