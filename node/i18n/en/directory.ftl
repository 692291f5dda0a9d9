### The directory: faults when it is checked, imported and published.
