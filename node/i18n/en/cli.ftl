### The command line.

not-in-this-version = “{ $what }” is not in this version.
    .next = CHANGELOG.md says what this version does.
