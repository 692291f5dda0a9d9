### Syncing: outcomes of sessions and conditions.
