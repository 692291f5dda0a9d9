//! What the directory says about a citizen's request, before anything is written.
