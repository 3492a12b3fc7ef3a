"""Sources: features in memory, files or records, each able to give finite passes over chosen rows."""
