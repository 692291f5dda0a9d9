### The store: disk, lock, version, dossier numbers, copies.

# The store cannot be opened or written.
store-locked = Another motcua program uses this data directory.
    .rule = Only one program at a time writes in a directory.
    .next = Wait until the other program is done, or stop it, and run it again.
store-absent = There is no data in the directory { $path }.
    .past = The directory holds no data.
    .rule = This command works on data that an office has already.
    .next = Check --dir; on a new machine run "motcua commune init" (a commune) or "motcua province init" (the provincial server).
store-exists = The directory { $path } already holds data.
    .past = The directory already holds data.
    .rule = Existing data is never overwritten.
    .next = Choose another directory.
store-newer = The data has version { $found }; this program reads up to version { $ours }.
    .past = The data has a newer version than this program reads.
    .rule = An older program must not write newer data.
    .next = Install a newer version of the program.
store-disk-full = The disk is full; what was just done was not written.
    .next = Make room on the disk and do it again.
store-not-writable = { $path } cannot be written.
    .past = The data directory cannot be written.
    .next = Correct the permissions of that file or directory and do it again.
store-corrupt = The data is damaged: { $what }.
    .past = The data is damaged.
    .next = Run "motcua verify"; restore a backup if needed and tell the province's support.
store-io = The disk failed to read or write; what was just done may not have been written.
    .next = Check the disk, start the program again, then run "motcua verify".
store-bug = A fault of the program itself; what was just done was not written.
    .next = Tell the province's support.

# Dossier numbers.
number-no-series = This machine has no unused number series left and cannot number a dossier.
    .rule = A machine numbers only in series the province granted; one it has left is never used again.
    .next = Restore the line and run "motcua sync now" to get a new series; if that does not work, call the province.
number-not-a-series = "{ $series }" is not a number series.
    .rule = A series is 000–899 or 9000–9999.
    .next = Check the series the province granted.
number-block-empty = The province's block does not have { $wanted } series left.
    .rule = Series of a machine that is gone are used again only after 40 days.
    .next = Extend series_block in the province's directory and publish it.

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
entry-refused-by-person = A person at the province decided to keep it out.
quarantine-not-found = No item { $id } waits for a decision.
    .rule = Only what is kept and not applied can be decided, once.
    .next = See the list with "motcua quarantine list".
quarantine-not-readable = Entry { $id } cannot be read, so it cannot be applied.
    .rule = Only what can be read is applied.
    .next = It stays kept; tell the support.

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
rolled-back = The data on this machine is older than what the machine wrote (the directory may have been restored or overwritten). Missing: log { $boot }, up to entry { $lsn }.
    .next = Run "motcua sync now" to get back what had been sent. Dossier numbers go on and are not repeated.
no-witness = The witness file does not confirm that this data is the newest: { $why } Dossier numbers moved to another series, so that none is repeated.
    .next = If the directory was just copied or restored: let only one copy run. If only the witness file was moved: name its place with --witness.
other-copy = Two machines carry this machine's identity: a copy of its data directory is at work elsewhere (log { $boot }). Both can still send; no dossier is lost.
    .next = Find and stop the other copy; call the province to choose one machine.
duplicate-series = A copy of this machine gave dossier numbers in series { $series }; this machine has moved to another one.
    .next = Find and stop the other copy; call the province to choose one machine.
duplicate-number = Two dossiers carry the number { $number } (the machine had been copied). Both are whole.
    .rule = Each dossier has a number of its own (Circular 03/2025/TT-VPCP).
    .next = See "motcua dossier show { $number }", compare the two and have the province replace the second one's number, then print its slip again.
witness-missing = the witness file is gone.
witness-locked = another program holds the witness file.
witness-of-other-machine = the witness file is another machine's.
witness-unreadable = the witness file cannot be read.
witness-not-writable = the witness file cannot be written.

# Findings of motcua verify.
verify-file = The database file is damaged: { $what }.
    .next = Stop the program, leave the directory as it is, tell the province's support; what was sent is at the province.
verify-chain = The chain of log { $log } does not match at entry { $lsn }.
    .next = Leave the directory as it is and tell the province's support; what was sent is at the province.
verify-body = The content of entry { $lsn } of log { $log } is no longer what was written.
    .next = Leave the directory as it is and tell the province's support; what was sent is at the province.
verify-feed-gap = The feed of { $seat } has a gap.
    .next = Tell the province's support.
verify-feed-digest = The digest of the feed of { $seat } does not match.
    .next = Tell the province's support.
verify-feed-missing = The feed of { $seat } lacks a part of dossier { $doc }.
    .next = Tell the province's support.
verify-view = The rows of dossier { $doc } differ from what stands in the log.
    .next = Stop "motcua serve" and run "motcua rebuild".
verify-number-twice = Two dossiers carry the number { $number }.
    .next = See "motcua dossier show { $number }" and tell the province.
verify-number-above-counter = The dossier number { $number } lies above this machine's counter.
    .next = Give no more numbers on this machine and tell the province's support.
two-histories = The machine of { $seat } has { $count } histories side by side: its directory was copied or an older one was put back.
    .next = Ask the office which one is in use and keep only that one. The dossiers of both are kept.
entry-second-root = This change begins a dossier that has a beginning already.
    .next = Look at the machine that sent it; if it is no mistake, ask the province's support.
entry-stray-document = This record belongs to no dossier and names one.
    .next = Look at the machine that sent it; ask the province's support.
quarantine-builds-on-missing = Item { $id } builds on a change that is not here, so it cannot be marked yet.
    .next = Wait until the missing change has come and try again.
newer-item = The province published something (number { $n }) that this program cannot read yet.
    .next = Update this office's program; everything else goes on.
directory-too-large = The directory is larger than { $most } bytes even when compressed.
    .rule = A directory version has a bound, so that it can travel over a thin line.
    .next = Take out records that are no longer needed and publish again.
serve-listen-commune = A commune's machine listens on no port.
    .rule = Only the provincial server uses --listen; a commune's machine calls the province.
    .next = Leave --listen out and run again.
