"""The live view: one hub a process, which tells every open wall what has changed."""
