### The store: disk, lock, version.
