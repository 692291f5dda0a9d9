### The store: disk, lock, version, dossier numbers, copies.

# The store cannot be opened or written.
store-locked = Another program is writing in this data directory.
    .rule = Only one program may write in a directory.
    .next = Stop the other program, or let the command go through the running one.
store-absent = There is no data in the directory { $path }.
    .next = Check --dir, or create it with "commune init" or "province init".
store-exists = The directory { $path } already holds data.
    .rule = Existing data is never overwritten.
    .next = Choose another directory.
store-newer = The data has version { $found }; this program reads up to version { $ours }.
    .rule = An older program must not write newer data.
    .next = Install a newer version of the program.
store-disk-full = The disk is full; what was just done was not written.
    .next = Make room on the disk and do it again.
store-not-writable = { $path } cannot be written.
    .next = Correct the permissions of that file or directory and do it again.
store-corrupt = The data is damaged: { $what }.
    .next = Run "motcua verify"; restore a backup if needed and tell the province's support.
store-io = The disk failed to read or write; what was just done was not confirmed.
    .next = Check the disk, start the program again, then run "motcua verify".
store-bug = A mistake of the program; what was just done was not written.
    .next = Tell the province's support.

# Dossier numbers.
number-no-series = This machine has no unused number series left.
    .rule = A machine numbers only in series the province granted; one it has left is never used again.
    .next = Connect to the province, or get a new series by USB stick or telephone.
number-not-a-series = "{ $series }" is not a number series.
    .rule = A series is 000–899 or 9000–9999.
    .next = Check the series the province granted.
number-block-empty = The province's block does not have { $wanted } series left.
    .rule = Series of a machine that is gone are used again only after 40 days.
    .next = Extend the block of series in the province's configuration.

# Writing and taking in data.
entry-too-large = The content exceeds { $limit_bytes } bytes.
    .rule = What is written at one time is limited in size.
    .next = Write it in several parts.
entry-body-hash = The content does not match its hash.
entry-body-size = The content is too large.
entry-body-erased = The content was erased by law.
entry-newer-program = A newer program is needed to read it.
entry-no-document = The change belongs to no dossier.
entry-undecodable = It cannot be decoded.
entry-structure = It breaks the dossier's structure.
entry-library-failed = The document library failed on this change.
entry-not-computable = The dossier cannot be computed with this change.
entry-banned = The sending machine is banned.
entry-other-machine = The log names another machine.
entry-other-seat = An act for an office that is not the sending machine's.
entry-province-only = An act that only the province may do.
entry-refused-by-person = A person at the province refused it.
quarantine-not-found = There is no quarantined entry { $id }.
    .next = See the list with "motcua quarantine list".
quarantine-not-readable = Entry { $id } cannot be read, so it cannot be applied.
    .next = Refuse it with "motcua quarantine refuse".

# Enrolment.
enrol-unknown-code = The province does not know this code.
    .rule = The province makes a code for each machine.
    .next = Check the code, or ask for a new one.
enrol-code-used = Another machine has used this code.
    .rule = A code is for one machine only.
    .next = Ask for a new code.
enrol-code-expired = This code has expired.
    .next = Ask for a new code.

# Conditions a person should know of.
rolled-back = This machine's data is older than what was written (log { $boot }, up to { $lsn }).
    .next = Synchronise with the province to get the missing part back. Numbers go on without repeating.
no-witness = The witness file does not vouch for this data.
    .next = If the directory was just copied or restored: let only one copy run. Numbers go on in another series.
other-copy = Another copy of this machine's data is at work (log { $boot }).
    .next = Find and stop the other copy. No dossier is lost; both sides are told.
duplicate-series = Another copy has numbered in series { $series }; this machine goes on in another one.
    .next = Find and stop the other copy.
duplicate-number = Two dossiers carry the number { $number }.
    .rule = Each dossier has a number of its own (TT 03/2025).
    .next = A person compares the two and gives the second one a replacement number.
witness-missing = The witness file is gone.
witness-locked = Another program holds the witness file.
witness-of-other-machine = The witness file is another machine's.
witness-unreadable = The witness file cannot be read.
witness-not-writable = The witness file cannot be written.

# Findings of motcua verify.
verify-file = The database file: { $what }.
verify-chain = The chain of log { $log } does not match at { $lsn }.
verify-body = The content of entry { $lsn } of log { $log } does not match its hash.
verify-feed-gap = The feed of { $seat } has a gap.
verify-feed-digest = The digest of the feed of { $seat } does not match.
verify-feed-missing = The feed of { $seat } lacks a part of dossier { $doc }.
verify-view = The rows of dossier { $doc } differ from what was written.
    .next = Run "motcua rebuild".
verify-number-twice = Two dossiers carry the number { $number }.
verify-number-above-counter = The number { $number } lies above this machine's counter.
condition-two-histories = The machine of { $seat } has { $count } histories side by side: its directory was copied or an older one was put back.
    .next = Ask the office which one is in use and keep only that one. The dossiers of both are kept.
