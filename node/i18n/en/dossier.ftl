### The dossier: why an act is not allowed or does not count.
